import ArgumentParser
import Bootstrap
import StaticConfiguration
import DynamicConfig
import GRPCTransport
import Logging

/// `temporal-server start`: runs the services as the configuration says.
struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the services as the configuration files say.")

    @ParentCommand var options: TemporalServer

    @Option(
        name: [.customLong("service"), .customLong("svc")],
        help: "A service to run; may be repeated. All if not given. [env: TEMPORAL_SERVICES]")
    var service: [String] = []

    @Option(help: .hidden)
    var services: String?

    @Option(help: "Create this namespace if it does not exist; may be repeated.")
    var namespace: [String] = []

    @Flag(
        inversion: .prefixedNo,
        help: "Make the database's tables, or bring them to the newest version.")
    var migrateSchema = true

    func run() async throws {
        let roles = try self.roles()
        let configuration: ServerConfiguration
        var plan: ServerPlan
        var warnings: [ConfigurationProblem]
        do throws(ConfigurationError) {
            configuration = try self.options.load()
            try configuration.checkStart()
            plan = ServerPlan(configuration)
            warnings = configuration.warnings
            if let path = configuration.dynamicConfigFile {
                let file = try DynamicConfigFile(path: path, over: plan.settings)
                plan.settings = file.settings
                warnings += file.warnings
            }
        } catch {
            throw Process.fail(error)
        }
        plan.namespaces = self.namespace
        plan.migratesSchema = self.migrateSchema
        plan.retention = .seconds(72 * 3_600)
        if !roles.contains(.internalFrontend) { plan.listeners[.internalFrontend] = nil }
        do throws(LogOutput.OpenError) {
            try bootstrapLogging(configuration.log)
        } catch {
            throw Process.fail(error)
        }
        let logger = Logger(label: "server")
        for warning in warnings { logger.warning("\(warning)") }
        if plan.authorization == nil, !self.options.allowNoAuth {
            logger.warning("nobody is asked who they are: authorization is not configured")
        }
        let database = plan.database
        try await Process.serve(plan) { assembly in
            let address = assembly.addresses[.frontend].map { "\($0)" } ?? ""
            return "Temporal server listening on \(address) (\(database.description))"
        }
    }

    /// The services that were asked for, which must be all of them for now.
    private func roles() throws -> Set<ServiceRole> {
        let fromEnvironment = Process.environment["TEMPORAL_SERVICES"] ?? ""
        let names =
            self.service.isEmpty
            ? (self.services ?? fromEnvironment).split { ",: ".contains($0) }.map(String.init)
            : self.service
        var roles: Set<ServiceRole> = []
        for name in names {
            guard let role = ServiceRole(rawValue: name) else {
                let known = ServiceRole.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--service \(name): there is no such service; use \(known)")
            }
            roles.insert(role)
        }
        if roles.isEmpty { return Set(ServiceRole.allCases) }
        let missing = Set(ServiceRole.allCases).subtracting(roles).subtracting([.internalFrontend])
        guard missing.isEmpty else {
            let names = missing.sorted().map(\.rawValue).joined(separator: ", ")
            throw Process.fail(
                "running services in separate processes is not built yet: "
                    + "start without --service, or add \(names)")
        }
        return roles
    }
}

extension ServerConfiguration.Database {
    var description: String {
        switch self {
        case .ephemeral: "ephemeral"
        case .file(let path): "database \(path)"
        case .postgreSQL(let datastore): "PostgreSQL database \(datastore.place)"
        }
    }
}
