import DynamicConfig
import Frontend
import Persistence
import PersistenceMemory
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Everything a run has: one node with its database, the network, workers, and what goes wrong.
// Safe because a simulation has one thread.
package final class SimulatedWorld: @unchecked Sendable {
    package static let namespace = "simulation"
    /// How long closed runs are kept; longer than any run of a workload is looked at.
    package static let retention = Duration.seconds(30 * 86_400)

    package let loop: SimulationLoop
    package let clock: SimulatedClock
    package let plan: FaultPlan
    package let marks: ReachedMarks
    package let tasks = TaskChecker()
    package let coverage = Coverage()
    package let closedRuns = RetentionChecker()
    /// What programs call through: workers and clients.
    package let connection: FrontendConnection
    /// What somebody calls through who may do everything.
    package let administration: FrontendConnection
    /// Who may call; nil if everybody may.
    package var authorization: SimulatedAuthorization? { self.authorizationSlot.value }
    package let receiver: CallbackReceiver
    /// The first thing that went wrong; nil while all is well.
    package private(set) var failure: String?

    let stores: any Stores = MemoryStores()
    private let network: SimulatedNetwork<NodeDoor>
    private let authorizationSlot: AuthorizationSlot
    private(set) var settings: NodeSettings
    private lazy var states = StateChecker(
        self.stores, self.settings.settings, self.loop.generator(for: "states"),
        fail: { [unowned self] in self.fail($0) })
    private var node: NodeIncarnation?
    private var worker: (incarnation: NodeIncarnation, worker: ScriptedWorker)?
    private var nodeLives = 0
    private var workerLives = 0
    /// Set when no worker is needed any more.
    private var isWorkDone = false
    private var random: SeededGenerator

    package init(_ loop: SimulationLoop, plantedBug: PlantedBug? = nil) {
        self.loop = loop
        self.clock = SimulatedClock(loop)
        self.marks = ReachedMarks()
        self.plan = FaultPlan(loop, marks: self.marks, plantedBug: plantedBug)
        self.network = SimulatedNetwork(loop, plan: self.plan)
        let slot = AuthorizationSlot()
        self.authorizationSlot = slot
        self.connection = FrontendConnection(self.network, self.coverage) { slot.headers(false) }
        self.administration = self.connection.with { slot.headers(true) }
        self.receiver = CallbackReceiver(loop, plan: self.plan, marks: self.marks)
        self.random = loop.generator(for: "world")
        self.settings = NodeSettings(using: &self.random)
    }

    /// From its start on, the node asks its callers who they are.
    package func requireAuthorization() -> SimulatedAuthorization {
        if let authorization = self.authorization { return authorization }
        precondition(self.nodeLives == 0, "the node has started")
        let authorization = SimulatedAuthorization(
            self.loop, plan: self.plan, marks: self.marks,
            fail: { [unowned self] in self.fail($0) })
        self.authorizationSlot.value = authorization
        self.settings.settings.enableCrossNamespaceCommands = true
        return authorization
    }

    /// Ends the run: what `message` says must not happen.
    package func fail(_ message: String) {
        guard self.failure == nil else { return }
        self.loop.record("FAILED: \(message)")
        self.failure = message
    }

    /// Whether a call that found its run closed may have closed it, or come to it, before that.
    ///
    /// The client sends calls again, and so does the frontend when it cannot tell whether a
    /// commit happened. What the run's history says is checked at the end.
    func mayHaveHappened(_ error: ServiceError, _ attempts: Int) -> Bool {
        error.kind == .notFound && (attempts > 1 || self.hasDoneUnknown)
    }

    /// Whether the store made a write and did not say so.
    package var hasDoneUnknown: Bool {
        self.marks.count(of: "fault.\(Fault.storeOutcomeUnknownButDone.rawValue)") > 0
    }

    /// Whether the node may have done something a second time that it had done before.
    var mayRepeatTasks: Bool {
        let faults: [Fault] = [
            .storeUnavailable, .storeOutcomeUnknownButDone, .storeOutcomeUnknownNotDone,
        ]
        return (faults.map { "fault.\($0.rawValue)" } + ["crash.node"])
            .contains { self.marks.count(of: $0) > 0 }
    }

    package var storeCommitCount: Int { self.stores.counters.snapshot.commits }
    package var storeReadCount: Int { self.stores.counters.snapshot.reads }

    /// Starts the node; from then on it crashes when the plan says so.
    package func start() {
        self.startNode()
        for time in self.plan.nodeCrashes {
            self.loop.after(time - self.loop.now) { self.crashNode() }
        }
    }

    /// Registers the namespace that everything happens in, and starts a worker in it; from then
    /// on that crashes when the plan says so.
    package func open() async {
        let caller = PatientCaller(
            self.administration, self.clock, self.loop.generator(for: "registration"))
        if let error = await caller.register(Self.namespace) {
            self.fail("registering the namespace was answered \(error)")
        }
        self.startWorker()
        for time in self.plan.workerCrashes where time > self.loop.now {
            self.loop.after(time - self.loop.now) { self.endWorker() }
        }
    }

    // The node.

    private func startNode() {
        self.nodeLives += 1
        let incarnation = self.loop.makeIncarnation()
        self.node = incarnation
        self.loop.record("node started, life \(self.nodeLives)")
        let stores = FaultyStores(
            self.stores, clock: self.clock, plan: self.plan, checker: self.states)
        let node = SimulatedNode(
            self.loop, incarnation, name: "node life \(self.nodeLives)", stores: stores,
            receiver: self.receiver, settings: self.settings,
            authorization: self.authorization, plan: self.plan)
        self.loop.run(as: incarnation) {
            _ = Task {
                let door = await node.start()
                self.network.connect(door, in: incarnation)
                self.loop.record("node serves")
            }
        }
    }

    private func crashNode() {
        guard let incarnation = self.node else { return }
        self.node = nil
        self.marks.reached("crash.node")
        self.loop.record("node crashed")
        self.loop.crash(incarnation)
        self.network.reset(incarnation)
        self.loop.after(.draw(upTo: .seconds(20), using: &self.random)) { self.startNode() }
    }

    // The worker.

    private func startWorker() {
        guard !self.isWorkDone else { return }
        self.workerLives += 1
        let incarnation = self.loop.makeIncarnation()
        let worker = ScriptedWorker(world: self, life: self.workerLives)
        self.worker = (incarnation, worker)
        self.loop.record("\(worker.identity) started")
        self.loop.run(as: incarnation) { worker.start() }
    }

    /// Ends the worker at once, or after it has said goodbye; another one follows.
    private func endWorker() {
        guard let (incarnation, worker) = self.worker else { return }
        self.worker = nil
        let saysGoodbye = Int.random(in: 0..<3, using: &self.random) == 0
        self.marks.reached(saysGoodbye ? "worker.shutdown" : "crash.worker")
        self.loop.record(saysGoodbye ? "worker shuts down" : "worker crashed")
        guard saysGoodbye else { return self.replaceWorker(incarnation) }
        _ = Task {
            await worker.shutDown()
            self.replaceWorker(incarnation)
        }
    }

    private func replaceWorker(_ incarnation: NodeIncarnation) {
        self.loop.crash(incarnation)
        self.network.reset(incarnation)
        self.loop.after(.draw(upTo: .seconds(20), using: &self.random)) { self.startWorker() }
    }

    /// Ends the worker for good.
    func stopWorker() {
        self.isWorkDone = true
        guard let incarnation = self.worker?.incarnation else { return }
        self.worker = nil
        self.loop.crash(incarnation)
        self.network.reset(incarnation)
    }
}

/// Where connections find what they say who calls by, which is made after them.
// Safe because a simulation has one thread.
private final class AuthorizationSlot: @unchecked Sendable {
    var value: SimulatedAuthorization?

    func headers(_ asAdministrator: Bool) -> [String: String] {
        self.value.map { ["authorization": $0.header(asAdministrator: asAdministrator)] } ?? [:]
    }
}
