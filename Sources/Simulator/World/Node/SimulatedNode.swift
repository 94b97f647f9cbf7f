import DynamicConfig
import Frontend
import HistoryService
import Logging
import MatchingService
import Persistence
import Primitives
import ServiceClients
import SimulationKernel

/// One life of the node: the hosts a server has, wired as a server wires them.
struct SimulatedNode: Sendable {
    static let clusterID = "simulation"

    /// Where matching finds history, which is made after it.
    // Safe because a simulation has one thread.
    private final class HistorySlot: @unchecked Sendable {
        var client: (any HistoryClient)?
    }

    private let loop: SimulationLoop
    private let incarnation: NodeIncarnation
    private let environment: HostEnvironment
    private let stores: FaultyStores
    private let settings: NodeSettings
    private let clock: SimulatedClock
    private let callbacks: SimulatedCallbackSender
    /// Nil if nobody is asked who they are.
    private let gate: AccessGate?
    private let plan: FaultPlan
    private let logger: Logger

    init(
        _ loop: SimulationLoop, _ incarnation: NodeIncarnation, name: String,
        stores: FaultyStores, receiver: CallbackReceiver, settings: NodeSettings,
        authorization: SimulatedAuthorization?, plan: FaultPlan
    ) {
        self.loop = loop
        self.incarnation = incarnation
        self.stores = stores
        self.settings = settings
        self.clock = SimulatedClock(loop)
        self.callbacks = SimulatedCallbackSender(receiver: receiver, clock: self.clock)
        self.environment = HostEnvironment(
            clock: self.clock, random: SimulatedRandom(loop, for: name), owner: name)
        self.gate = authorization?.makeGate(
            SimulatedRandom(loop, for: "\(name), authorization"), name: name)
        self.plan = plan
        self.logger = Logger(label: name) { _ in TraceLogHandler(loop: loop) }
    }

    /// Starts the hosts, as part of the node's incarnation; returns what takes calls.
    func start() async -> NodeDoor {
        let cluster = await self.insisting { () async throws(StoreError) in
            try await self.stores.initializeCluster(
                ClusterRecord(
                    clusterID: Self.clusterID, shardCount: self.settings.shardCount))
        }
        let slot = HistorySlot()
        let matching = MatchingHost(
            environment: self.environment, settings: self.settings.settings, store: self.stores,
            history: { slot.client ?? UnstartedHistory() },
            executor: { _ in self.loop.makeExecutor(for: self.incarnation) }, logger: self.logger)
        let namespaces = NamespaceRegistry(
            store: self.stores, random: self.environment.random,
            entriesMax: self.drawNamespacesMax())
        let history = HistoryHost(
            environment: self.environment, settings: self.settings.settings,
            shardCount: cluster.shardCount, store: self.stores, matching: matching,
            callbacks: self.callbacks,
            namespaces: namespaces,
            executor: { _ in self.loop.makeExecutor(for: self.incarnation) }, logger: self.logger)
        slot.client = history
        await self.insisting { try await history.start() }
        await self.insisting { () async throws(ServiceError) in
            try await namespaces.ensureSystemNamespace()
        }
        let frontend = FrontendService(
            environment: self.environment, settings: self.settings.settings, history: history,
            matching: matching, namespaces: namespaces, visibility: self.stores, cluster: cluster,
            facts: ServerFacts(persistenceStore: "memory", visibilityStore: "memory"),
            gate: self.gate, logger: self.logger)
        return NodeDoor(
            frontend: frontend, gate: self.gate,
            isUnguarded: self.plan.plantedBug == .rpcUnguarded)
    }

    /// How many namespaces are kept in memory: all of them, or so few that some are pushed out.
    private func drawNamespacesMax() -> Int {
        var random = self.loop.generator(for: "namespace cache")
        return Bool.random(using: &random) ? 10_000 : Int.random(in: 1...3, using: &random)
    }

    /// Does something that must succeed before the node can serve, until it does.
    private func insisting<Value, Failure: Error>(
        _ body: () async throws(Failure) -> Value
    ) async -> Value {
        while true {
            do throws(Failure) {
                return try await body()
            } catch {
                self.loop.record("node start failed: \(error)")
            }
            await self.clock.pass(.milliseconds(200))
        }
    }
}

/// Stands in for history until it is there.
private struct UnstartedHistory: HistoryClient {
    func send(_ request: HistoryRequest) async throws(ServiceError) -> HistoryReply {
        throw .unavailable("history has not started")
    }
}
