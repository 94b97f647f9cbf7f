import DynamicConfig
import Frontend
import GRPCTransport
import HistoryService
import Logging
import MatchingService
import Persistence
import Primitives
import ServiceClients
import StaticConfiguration
import Synchronization

/// The services of one process, wired to each other: the only place that knows all of them.
package final class ServerAssembly: Sendable {
    package let health: HealthStatus
    /// Where each role can be reached.
    package let addresses: [ServiceRole: ListenAddress]
    let servers: [CallServer]
    let history: HistoryHost
    let matching: MatchingHost
    let stores: any Stores
    /// What goes on beside the calls; each ends when it is cancelled.
    let upkeeps: [@Sendable () async -> Void]
    let shutdownMax: Duration
    let logger: Logger
    let closeStores: @Sendable () async -> Void

    private init(
        _ parts: Parts, servers: [CallServer], upkeeps: [@Sendable () async -> Void],
        health: HealthStatus, plan: ServerPlan
    ) {
        self.health = health
        self.servers = servers
        self.addresses = parts.sockets.mapValues(\.address)
        self.history = parts.history
        self.matching = parts.matching
        self.stores = parts.stores
        self.closeStores = parts.closeStores
        self.upkeeps = upkeeps
        self.shutdownMax = plan.shutdownMax
        self.logger = parts.logger
    }

    /// What the parts of an assembly are made of, in the order they are made.
    private struct Parts {
        let sockets: [ServiceRole: ListeningSocket]
        let stores: any Stores
        let closeStores: @Sendable () async -> Void
        let history: HistoryHost
        let matching: MatchingHost
        let frontend: FrontendService
        let verification: CallerVerification?
        let clock: any TimeSource
        let logger: Logger
    }

    /// Takes the ports, opens the database and starts the services; calls wait until ``run()``.
    package static func start(
        _ plan: ServerPlan, logger: Logger = Logger(label: "server")
    ) async throws(StartError) -> ServerAssembly {
        let sockets = try self.openSockets(plan)
        do throws(StartError) {
            let securities = try ListenerSecurities(
                plan.tls, clock: SystemClock(), logger: logger)
            let parts = try await self.startServices(plan, sockets, logger)
            let health = HealthStatus()
            let servers = sockets.sorted { $0.key < $1.key }.map { role, socket in
                CallServer(
                    socket: socket, table: self.table(role, parts, health),
                    limits: TransportLimits(of: role, plan.settings), security: securities[role],
                    logger: Logger(label: role.rawValue))
            }
            var upkeeps = [parts.verification?.run].compactMap { $0 }
            if let interval = plan.tlsRefreshInterval {
                upkeeps.append { await securities.run(every: interval) }
            }
            return ServerAssembly(
                parts, servers: servers, upkeeps: upkeeps, health: health, plan: plan)
        } catch {
            for socket in sockets.values { socket.close() }
            throw error
        }
    }

    private static func openSockets(
        _ plan: ServerPlan
    ) throws(StartError) -> [ServiceRole: ListeningSocket] {
        var sockets: [ServiceRole: ListeningSocket] = [:]
        for (role, address) in plan.listeners.sorted(by: { $0.key < $1.key }) {
            do throws(ListenError) {
                sockets[role] = try ListeningSocket.open(address)
            } catch {
                for socket in sockets.values { socket.close() }
                throw StartError("\(role.rawValue) \(error)")
            }
        }
        return sockets
    }

    private static func startServices(
        _ plan: ServerPlan, _ sockets: [ServiceRole: ListeningSocket], _ logger: Logger
    ) async throws(StartError) -> Parts {
        let clock = SystemClock(), random = SystemRandom()
        let environment = HostEnvironment(
            clock: clock, random: random, owner: self.ownerName(random))
        let database = try await OpenDatabase.open(
            plan.database, migrates: plan.migratesSchema, random: random)
        let stores = database.stores
        let callbacks = HTTPCallbackSender()
        let verification = await CallerVerification.make(plan, clock: clock, random: random)
        let closeStores: @Sendable () async -> Void = {
            await callbacks.shutdown()
            await verification?.shutdown()
            await database.close()
        }
        do throws(StartError) {
            let cluster = try await self.initializeCluster(plan, stores, random, logger)
            let lanes = Lanes(count: Lanes.countDefault())
            let link = HistoryLink()
            let matching = MatchingHost(
                environment: environment, settings: plan.settings, store: stores,
                history: { link.history }, executor: { lanes.lane(of: $0) },
                logger: Logger(label: "matching"))
            let namespaces = NamespaceRegistry(
                store: stores, random: random, clusterName: plan.clusterName)
            let history = HistoryHost(
                environment: environment, settings: plan.settings, shardCount: cluster.shardCount,
                store: stores, matching: matching, callbacks: callbacks, namespaces: namespaces,
                executor: { lanes.lane(of: $0) }, logger: Logger(label: "history"))
            link.connect(history)
            try await self.initializeNamespaces(plan, namespaces)
            let storeName = plan.database.storeName
            let frontend = FrontendService(
                environment: environment, settings: plan.settings, history: history,
                matching: matching, namespaces: namespaces, visibility: stores, cluster: cluster,
                facts: ServerFacts(
                    clusterName: plan.clusterName, persistenceStore: storeName,
                    visibilityStore: storeName),
                gate: verification?.gate, logger: Logger(label: "frontend"))
            do {
                try await history.start()
            } catch {
                throw StartError("the history service cannot start: \(error)")
            }
            return Parts(
                sockets: sockets, stores: stores, closeStores: closeStores, history: history,
                matching: matching, frontend: frontend, verification: verification, clock: clock,
                logger: logger)
        } catch {
            await closeStores()
            throw error
        }
    }

    private static func initializeCluster(
        _ plan: ServerPlan, _ stores: any Stores, _ random: SystemRandom, _ logger: Logger
    ) async throws(StartError) -> ClusterRecord {
        var generator = SeededGenerator(random.seed(), random.seed())
        let proposed = ClusterRecord(clusterID: generator.uuid(), shardCount: plan.shardCount)
        let cluster: ClusterRecord
        do throws(StoreError) {
            cluster = try await stores.initializeCluster(proposed)
        } catch {
            throw StartError("the database cannot be used: \(error)")
        }
        if cluster.shardCount != plan.shardCount {
            logger.warning(
                "the number of history shards is fixed when a database is made",
                metadata: ["used": "\(cluster.shardCount)", "configured": "\(plan.shardCount)"])
        }
        return cluster
    }

    private static func initializeNamespaces(
        _ plan: ServerPlan, _ namespaces: NamespaceRegistry
    ) async throws(StartError) {
        do throws(ServiceError) {
            try await namespaces.ensureSystemNamespace()
            for name in plan.namespaces {
                _ = try await namespaces.ensureNamespace(
                    name, retention: plan.retention, customSearchAttributes: plan.searchAttributes)
            }
        } catch {
            throw StartError("the namespaces cannot be made: \(error.message)")
        }
    }

    /// Names this process in leases.
    private static func ownerName(_ random: SystemRandom) -> String {
        var generator = SeededGenerator(random.seed(), random.seed())
        return generator.uuid()
    }

    /// What a role's listener answers.
    private static func table(
        _ role: ServiceRole, _ parts: Parts, _ health: HealthStatus
    ) -> CallTable {
        var table = CallTable(gate: role == .frontend ? parts.verification?.gate : nil)
        let services: Set<String>
        switch role {
        case .frontend:
            table.addFrontend(parts.frontend, role: .publicFrontend, clock: parts.clock)
            services = ServiceNames.frontend
        case .internalFrontend:
            table.addFrontend(parts.frontend, role: .internalFrontend, clock: parts.clock)
            services = ServiceNames.frontend
        case .history: services = [ServiceNames.history]
        case .matching: services = [ServiceNames.matching]
        case .worker: services = [ServiceNames.worker]
        }
        table.addHealth(
            HealthService(status: health, services: services.union([role.rawValue])),
            clock: parts.clock)
        table.addReflection(
            alsoFor: role == .frontend || role == .internalFrontend ? ServiceNames.served : [])
        return table
    }
}

extension TransportLimits {
    /// What a role allows its callers; frontends as it is set.
    fileprivate init(of role: ServiceRole, _ settings: Settings) {
        self.init()
        guard role == .frontend || role == .internalFrontend else { return }
        self.connectionIdleMax = settings.connectionIdleMax.unlessZero
        self.connectionAgeMax = settings.connectionAgeMax.unlessZero
        self.connectionAgeGrace = settings.connectionAgeGrace.unlessZero
    }
}

extension Duration {
    /// Nil for zero, which stands for no limit.
    fileprivate var unlessZero: Duration? { self > .zero ? self : nil }
}

/// Names health checks ask for, as Temporal's services call themselves.
private enum ServiceNames {
    static let served: Set<String> = [
        "temporal.api.workflowservice.v1.WorkflowService",
        "temporal.api.operatorservice.v1.OperatorService",
    ]
    static let frontend = served.union(["temporal.server.api.adminservice.v1.AdminService"])
    static let history = "temporal.api.workflowservice.v1.HistoryService"
    static let matching = "temporal.api.workflowservice.v1.MatchingService"
    static let worker = "temporal.api.workflowservice.v1.WorkerService"
}

/// Lets matching reach history, which is made after it.
private final class HistoryLink: Sendable {
    private let target = Mutex<(any HistoryClient)?>(nil)

    func connect(_ history: any HistoryClient) { self.target.withLock { $0 = history } }

    var history: any HistoryClient {
        guard let history = self.target.withLock({ $0 }) else {
            invariantFailure("a task was polled before history was made")
        }
        return history
    }
}
