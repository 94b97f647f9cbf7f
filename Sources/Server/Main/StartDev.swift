import ArgumentParser
import Bootstrap
import StaticConfiguration
import DynamicConfig
import GRPCTransport
import Logging
import Persistence

/// `temporal-server server start-dev`: one process, ready at once, with the flags of Temporal's
/// development server.
struct StartDev: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start-dev",
        abstract: "Run a development server, in memory unless a file is named.")

    @Option(name: [.short, .long], help: "Port of the gRPC API; 0 lets the system choose.")
    var port = 7233

    @Option(help: "Address to listen on.")
    var ip = "127.0.0.1"

    @Option(
        name: [.short, .long],
        help: "Namespace to create besides \"default\"; may be repeated.")
    var namespace: [String] = []

    @Option(
        name: [.customShort("f"), .long],
        help: "File to keep everything in. Without it, nothing outlives the process.")
    var dbFilename: String?

    @Option(
        help: "Configuration file whose persistence section says where to keep everything.")
    var persistenceConfig: String?

    @Option(help: "What to log: debug, info, warn, error or never.")
    var logLevel = LogLevel.warn

    @Option(help: "How to log: text, json or pretty (which is text).")
    var logFormat = LogFormat.text

    @Option(
        help: "Value for dynamic configuration, as KEY=JSON_VALUE; may be repeated.")
    var dynamicConfigValue: [String] = []

    @Option(
        help: "Search attribute to create, as NAME=TYPE; may be repeated.")
    var searchAttribute: [SearchAttributeFlag] = []

    @OptionGroup(title: "Options for what this server does not have yet") var unused: UnusedOptions

    func validate() throws {
        guard self.dbFilename == nil || self.persistenceConfig == nil else {
            throw ValidationError("--db-filename and --persistence-config exclude each other")
        }
        guard (0...65_535).contains(self.port) else {
            throw ValidationError("--port \(self.port) is not a port: 0 to 65535")
        }
    }

    func run() async throws {
        var log = ServerConfiguration.Log()
        log.level = (self.unused.logLevelServer ?? self.logLevel).level
        log.format = self.logFormat.format
        do throws(LogOutput.OpenError) {
            try bootstrapLogging(log)
        } catch {
            throw Process.fail(error)
        }
        let logger = Logger(label: "server")
        let plan = try self.plan(logger)
        self.unused.report(to: logger)
        if self.unused.logConfig { logger.notice("configuration", metadata: plan.metadata) }
        try await Process.serve(plan) { assembly in
            let address = assembly.addresses[.frontend].map { "\($0)" } ?? ""
            let names = plan.namespaces.joined(separator: ", ")
            let noun = plan.namespaces.count > 1 ? "namespaces" : "namespace"
            return "Temporal server listening on \(address) "
                + "(\(noun) \(names), \(plan.database.description))"
        }
    }

    private func readPersistence(
        _ path: String, into plan: inout ServerPlan, _ logger: Logger
    ) throws {
        do throws(ConfigurationError) {
            let configuration = try ConfigurationFiles(
                root: nil, config: nil, environment: nil, zone: nil, file: path, variables: [:]
            ).load()
            for warning in configuration.warnings { logger.warning("\(warning)") }
            plan.database = configuration.database
            plan.shardCount = configuration.shardCount
        } catch {
            throw Process.fail(error)
        }
    }

    private func plan(_ logger: Logger) throws -> ServerPlan {
        var plan = ServerPlan()
        let ip = self.ip == "localhost" ? "127.0.0.1" : self.ip
        plan.listeners = [.frontend: ListenAddress(ip: ip, port: self.port)]
        if let path = self.dbFilename, !path.isEmpty { plan.database = .file(path) }
        if let path = self.persistenceConfig { try self.readPersistence(path, into: &plan, logger) }
        plan.namespaces = ["default"] + self.namespace.filter { $0 != "default" }
        for attribute in self.searchAttribute {
            plan.searchAttributes[attribute.name] = attribute.type
        }
        for text in self.dynamicConfigValue {
            let outcome: DynamicConfigFlag.Outcome
            do throws(DynamicConfigFlag.Refusal) {
                outcome = try DynamicConfigFlag.apply(text, to: &plan.settings)
            } catch {
                throw ValidationError("--dynamic-config-value \(error)")
            }
            if case .unknownKey(let key) = outcome {
                logger.info(
                    "--dynamic-config-value: unknown key has no effect", metadata: ["key": "\(key)"]
                )
            }
        }
        return plan
    }
}

/// Flags that tools pass and that change nothing here.
struct UnusedOptions: ParsableArguments {
    @Flag(help: "Run without the web UI, as this server always does.")
    var headless = false

    @Option(help: "No effect: there is no web UI.")
    var uiPort: Int?

    @Option(help: "No effect: there is no web UI.")
    var uiIp: String?

    @Option(help: "No effect: there is no web UI.")
    var uiAssetPath: String?

    @Option(help: "No effect: there is no web UI.")
    var uiCodecEndpoint: String?

    @Option(help: "No effect: there is no web UI.")
    var uiPublicPath: String?

    @Option(help: "No effect: there is no HTTP API yet.")
    var httpPort: Int?

    @Option(help: "No effect: there is no metrics endpoint yet.")
    var metricsPort: Int?

    @Option(help: "No effect: the database is always in WAL mode and synced at each commit.")
    var sqlitePragma: [String] = []

    @Flag(help: "Log the configuration at start.")
    var logConfig = false

    @Option(help: "Same as --log-level.")
    var logLevelServer: LogLevel?

    /// Says once what was asked for in vain.
    func report(to logger: Logger) {
        let isUIWanted =
            self.uiPort != nil || self.uiIp != nil || self.uiAssetPath != nil
            || self.uiCodecEndpoint != nil || self.uiPublicPath != nil
        if isUIWanted, !self.headless {
            logger.warning("there is no web UI; its flags have no effect")
        }
        if self.httpPort != nil {
            logger.warning("there is no HTTP API yet; --http-port has no effect")
        }
        if self.metricsPort != nil {
            logger.warning("there is no metrics endpoint yet; --metrics-port has no effect")
        }
        for pragma in self.sqlitePragma {
            logger.warning("--sqlite-pragma has no effect", metadata: ["pragma": "\(pragma)"])
        }
    }
}

/// `NAME=TYPE`.
struct SearchAttributeFlag: ExpressibleByArgument, Equatable {
    let name: String
    let type: SearchAttributeType

    static let types: KeyValuePairs<String, SearchAttributeType> = [
        "Text": .text, "Keyword": .keyword, "Int": .int, "Double": .double, "Bool": .bool,
        "Datetime": .datetime, "KeywordList": .keywordList,
    ]

    init?(argument: String) {
        guard let separator = argument.firstIndex(of: "="), separator != argument.startIndex else {
            return nil
        }
        let typeName = argument[argument.index(after: separator)...].lowercased()
        guard let type = Self.types.first(where: { $0.key.lowercased() == typeName })?.value else {
            return nil
        }
        self.name = String(argument[..<separator])
        self.type = type
    }
}

enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case debug, info, warn, error, fatal, never

    var level: ServerConfiguration.Log.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warn: .warn
        case .error: .error
        case .fatal: .fatal
        case .never: .never
        }
    }
}

enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, pretty

    var format: ServerConfiguration.Log.Format {
        switch self {
        case .json: .json
        case .text, .pretty: .text
        }
    }
}

extension ServerPlan {
    /// For `--log-config`.
    fileprivate var metadata: Logger.Metadata {
        [
            "address": "\(self.listeners[.frontend].map { "\($0)" } ?? "")",
            "database": "\(self.database.description)",
            "namespaces": "\(self.namespaces.joined(separator: ","))",
            "shards": "\(self.shardCount)",
        ]
    }
}
