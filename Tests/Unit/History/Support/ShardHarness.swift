import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// Drives one history shard by hand, on a store and a matching service of a few lines.
final class ShardHarness {
    typealias Effect = HistoryShard.Effect
    typealias RequestID = HistoryShard.RequestID
    typealias Outcome = Result<HistoryReply, ServiceError>

    /// How the next commit goes wrong.
    enum CommitFault {
        case refused(StoreError)
        /// It is written all the same.
        case unknownThoughWritten
    }

    private(set) var machine: HistoryShard
    var store = ShardTable()
    var now = Timestamp(nanoseconds: 1_000_000_000_000)
    let settings: Settings
    private var seed: UInt64

    private(set) var replies: [RequestID: Outcome] = [:]
    private(set) var reports: [HistoryShard.Report] = []
    /// Tasks given to matching and not taken by a worker yet, in order.
    var handedOver: [TaskDispatch] = []
    /// What matching says to a task; nil takes it.
    var matchingRefusal: (TaskDispatch) -> ServiceError? = { _ in nil }
    /// Queries that matching was asked to bring to a worker.
    var queries: [(id: HistoryShard.QueryID, dispatch: QueryDispatch)] = []
    private(set) var canceledQueries: [HistoryShard.QueryID] = []

    /// Attempts to deliver callbacks, in order.
    var deliveries: [CallbackAttempt] = []
    /// What a receiver answers; nil leaves the attempt open.
    var callbackOutcome: (CallbackDelivery) -> CallbackOutcome? = { _ in
        .answered(status: 200, isRetryable: nil)
    }

    /// How many of the next attempts to acquire the shard fail.
    var acquisitionFailures = 0
    var holdsCommits = false
    var holdsLoads = false
    /// Of the next commits; nil is none.
    var commitFaults: [CommitFault?] = []
    private(set) var commitCount = 0
    /// Of each commit that removed runs.
    private(set) var deletedRunsPerCommit: [Int] = []
    private var heldCommits: [(HistoryShard.BatchID, ShardBatch, RangeID)] = []
    private var heldLoads: [HistoryShard.Input] = []
    private var lastRequest: UInt64 = 0
    /// The tasks that wait for an answer, by the request they sent.
    private var senders: [RequestID: Int64] = [:]
    /// What tasks have sent to other runs.
    private(set) var sentRequests: [HistoryRequest] = []
    /// Other namespaces there are.
    var namespaces: [NamespaceID: NamespaceReference] = [:]
    /// What becomes of the requests tasks send; nil lets them arrive.
    var sentRequestFault: (HistoryRequest) -> ServiceError? = { _ in nil }
    /// Keeps what tasks send from arriving.
    var holdsSent = false
    private var heldSent: [(HistoryRequest, Int64)] = []
    private var lastName = 0

    init(seed: UInt64 = 1, adjust: (inout Settings) -> Void = { _ in }) {
        var settings = Settings()
        adjust(&settings)
        self.settings = settings
        self.seed = seed
        self.machine = HistoryShard(id: ShardID(1), settings: settings, seed: seed)
        self.boot()
    }

    /// A run as the machine has it in memory.
    func cachedState(of key: WorkflowKey) -> MutableState? { self.machine.state(of: key) }

    func cachedActivity(_ key: WorkflowKey) -> StandaloneActivityState? {
        self.machine.activityState(of: key)
    }

    private func boot() {
        var effects: [Effect] = []
        self.machine.start(effects: &effects)
        self.perform(effects)
    }

    /// The process ends and another one starts on the same store; matching has kept its tasks.
    func restart() {
        self.seed += 1
        self.machine = HistoryShard(id: ShardID(1), settings: self.settings, seed: self.seed)
        self.replies = [:]
        self.heldCommits = []
        self.heldLoads = []
        self.queries = []
        self.senders = [:]
        self.heldSent = []
        self.boot()
    }

    // MARK: Feeding

    func feed(_ input: HistoryShard.Input) {
        var effects: [Effect] = []
        self.machine.step(input, now: self.now, effects: &effects)
        self.perform(effects)
    }

    @discardableResult
    func send(
        _ operation: HistoryOperation, to workflowID: WorkflowID = "w",
        of archetype: Archetype = .workflow, deadline: Timestamp? = nil,
        in namespace: NamespaceReference = testNamespace, naming: [String: NamespaceID] = [:]
    ) -> RequestID {
        self.lastRequest += 1
        let id = RequestID(self.lastRequest)
        let request = HistoryRequest(
            archetype: archetype, namespace: namespace, workflowID: workflowID,
            deadline: deadline, operation: operation, otherNamespaces: naming)
        self.feed(.requestArrived(id, request))
        return id
    }

    /// Sends a request and returns its reply, which must come at once.
    @discardableResult
    func call(
        _ operation: HistoryOperation, to workflowID: WorkflowID = "w",
        of archetype: Archetype = .workflow, deadline: Timestamp? = nil,
        in namespace: NamespaceReference = testNamespace
    ) throws -> HistoryReply {
        let id = self.send(
            operation, to: workflowID, of: archetype, deadline: deadline, in: namespace)
        return try #require(self.replies[id], "no reply yet").get()
    }

    /// The error a request is refused with; nil if it is not, or not yet.
    func refusal(
        _ operation: HistoryOperation, to workflowID: WorkflowID = "w",
        of archetype: Archetype = .workflow, deadline: Timestamp? = nil
    ) -> ServiceError? {
        let id = self.send(operation, to: workflowID, of: archetype, deadline: deadline)
        guard case .failure(let error) = self.replies[id] else { return nil }
        return error
    }

    /// Lets time pass, waking the machine whenever it wants to be.
    func wait(_ duration: Duration) {
        let end = self.now + duration
        var wakes = 0
        while let next = self.machine.nextDeadline, next <= end {
            self.now = max(self.now, next)
            self.feed(.tick)
            wakes += 1
            precondition(wakes < 100_000, "the machine wants to be woken for ever")
        }
        self.now = end
    }

    func cancel(_ id: RequestID) { self.feed(.requestCanceled(id)) }

    func name(_ prefix: String) -> String {
        self.lastName += 1
        return "\(prefix)-\(self.lastName)"
    }

    var counters: HistoryShard.Counters { self.machine.counters }
    var isServing: Bool { self.machine.isServing }
    var nextDeadline: Timestamp? { self.machine.nextDeadline }

    // MARK: Effects

    private func perform(_ effects: [Effect]) {
        for effect in effects { self.perform(effect) }
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .acquireRange:
            if self.acquisitionFailures > 0 {
                self.acquisitionFailures -= 1
                self.feed(.acquisitionFailed(.unavailable("gone")))
            } else {
                self.feed(.rangeAcquired(self.store.acquire()))
            }
        case .loadTasks(let after, let countMax):
            let rows = self.store.taskRows(after: after, countMax: countMax)
            self.feed(.tasksLoaded(self.machine.currentRange, .success(rows)))
        case .loadTimers(let after, let countMax):
            let rows = self.store.timers(after: after, countMax: countMax)
            self.load(.timersLoaded(self.machine.currentRange, .success(rows)))
        case .loadRun(let address, let runID):
            let record = self.store.load(address, runID)
            self.load(.runLoaded(self.machine.currentRange, address, runID, .success(record)))
        case .readHistory(let id, let key, let events, let eventsMax):
            let nodes = self.store.nodes(key, events, eventsMax: eventsMax)
            self.load(.historyRead(self.machine.currentRange, id, key, .success(nodes)))
        case .commit(let id, let batch):
            self.commitCount += 1
            if !batch.deletedRuns.isEmpty {
                self.deletedRunsPerCommit.append(batch.deletedRuns.count)
            }
            self.heldCommits.append((id, batch, self.machine.currentRange))
            if !self.holdsCommits { self.releaseCommits() }
        case .reply(let id, let outcome): self.reply(id, outcome)
        case .replyWithHistory(let id, let reply, let fetch):
            self.reply(id, Result { reply.with(fetch.page(try self.read(fetch))) }.asService)
        case .handOver(let taskID, let dispatch):
            let refusal = self.matchingRefusal(dispatch)
            if refusal == nil { self.handedOver.append(dispatch) }
            self.feed(.taskHandedOver(taskID: taskID, refusal))
        case .offer(let dispatch):
            let refusal = self.matchingRefusal(dispatch)
            if refusal == nil { self.handedOver.append(dispatch) }
            self.feed(.offered(dispatch, refusal))
        case .send(let taskID, let request): self.send(request, for: taskID)
        case .sendAcross(let taskID, let request):
            if let namespace = self.namespaces[request.namespace.id] {
                self.send(request.in(namespace), for: taskID)
            } else {
                let error = ServiceError(.namespaceNotFound(name: "other"), "not found")
                self.feed(.requestAnswered(taskID: taskID, .failure(error)))
            }
        case .readEvents(let taskID, let fetch):
            let events = Result { fetch.page(try self.read(fetch)).events }.asService
            self.feed(.eventsRead(taskID: taskID, events))
        case .deliverCallback(let taskID, let delivery):
            let attempt = CallbackAttempt(
                taskID: taskID, delivery: delivery, range: self.machine.currentRange)
            self.deliveries.append(attempt)
            if let outcome = self.callbackOutcome(delivery) { self.answer(attempt, outcome) }
        case .dispatchQuery(let id, var dispatch, let fetch):
            if let fetch {
                guard let events = try? self.read(fetch) else { return }
                dispatch = QueryDispatch(
                    queue: dispatch.queue, namespace: dispatch.namespace,
                    deadline: dispatch.deadline, task: dispatch.task.with(fetch.page(events)))
            }
            self.queries.append((id, dispatch))
        case .cancelQuery(let id): self.canceledQueries.append(id)
        case .report(let report): self.reports.append(report)
        }
    }

    /// Sends a task's request to this same shard, whose answer goes back to the task.
    private func send(_ request: HistoryRequest, for taskID: Int64) {
        self.sentRequests.append(request)
        if let fault = self.sentRequestFault(request) {
            return self.feed(.requestAnswered(taskID: taskID, .failure(fault)))
        }
        guard !self.holdsSent else { return self.heldSent.append((request, taskID)) }
        self.deliver(request, for: taskID)
    }

    private func deliver(_ request: HistoryRequest, for taskID: Int64) {
        self.lastRequest += 1
        let id = RequestID(self.lastRequest)
        self.senders[id] = taskID
        self.feed(.requestArrived(id, request))
    }

    /// A receiver has answered, or has not.
    func answer(_ attempt: CallbackAttempt, _ outcome: CallbackOutcome) {
        self.feed(.callbackAnswered(attempt.range, taskID: attempt.taskID, outcome))
    }

    var heldSentCount: Int { self.heldSent.count }

    /// Lets what tasks have sent so far arrive.
    func releaseSent() {
        let held = self.heldSent
        self.heldSent = []
        for (request, taskID) in held { self.deliver(request, for: taskID) }
    }

    private func reply(_ id: RequestID, _ outcome: Outcome) {
        if let taskID = self.senders.removeValue(forKey: id) {
            self.feed(.requestAnswered(taskID: taskID, outcome))
            return
        }
        precondition(self.replies[id] == nil, "request \(id.rawValue) is answered twice")
        self.replies[id] = outcome
        HistoryRules.check(outcome, self.store)
    }

    private func read(_ fetch: HistoryFetch) throws -> [HistoryEvent] {
        if fetch.events.isEmpty { return [] }
        return try fetch.events(
            of: self.store.nodes(fetch.key, fetch.events, eventsMax: fetch.eventsMax))
    }

    private func load(_ input: HistoryShard.Input) {
        if self.holdsLoads { self.heldLoads.append(input) } else { self.feed(input) }
    }

    func releaseLoads() {
        let loads = self.heldLoads
        self.heldLoads = []
        for load in loads { self.feed(load) }
    }

    /// Performs the commits that were asked for until none is left.
    func releaseCommits() {
        while !self.heldCommits.isEmpty {
            let (id, batch, range) = self.heldCommits.removeFirst()
            let fault = self.commitFaults.isEmpty ? nil : self.commitFaults.removeFirst()
            if case .refused(let error) = fault {
                self.feed(.batchCommitted(id, error))
                continue
            }
            do throws(StoreError) {
                try self.store.commit(batch, range: range)
                RebuildRules.check(batch, self.store, self.settings)
                if case .unknownThoughWritten = fault {
                    self.feed(.batchCommitted(id, .unknownOutcome("the connection broke")))
                } else {
                    self.feed(.batchCommitted(id, nil))
                }
            } catch {
                self.feed(.batchCommitted(id, error))
            }
        }
    }

    var heldLoadCount: Int { self.heldLoads.count }
    var heldBatches: [ShardBatch] { self.heldCommits.map { $0.1 } }
}

/// One attempt to deliver a callback, as a shard asked for it.
struct CallbackAttempt {
    let taskID: Int64
    let delivery: CallbackDelivery
    let range: RangeID
}

extension Result where Failure == any Error {
    fileprivate var asService: Result<Success, ServiceError> {
        self.mapError { $0 as? ServiceError ?? ServiceError(.dataLoss, "\($0)") }
    }
}

let testNamespace = NamespaceReference(
    id: "a7d4c2de-0000-4000-8000-000000000001", name: "test", retention: .seconds(86_400))
let testAddress = WorkflowAddress(namespaceID: testNamespace.id, workflowID: "w")

/// Seeds for properties; each is the name of its trial.
func trials(_ count: UInt64) -> [UInt64] { (0..<count).map { 0x5eed + $0 } }
