import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

/// Owns everything of one history shard and decides everything about it.
///
///     acquiring ── rangeAcquired ──▶ recovering ── tasks and timers loaded ──▶ serving
///         ▲                              │                                       │
///         └──────────── a commit failed or its outcome is unknown ◀──────────────┘
///
/// Transitions append to the open batch; at most one batch is being committed. Whatever is visible
/// outside is held back until the batch that justifies it is durable.
package struct HistoryShard: Machine, ~Copyable {
    enum Phase: Equatable {
        /// Bidding for the range; requests wait.
        case acquiring(retryAt: Timestamp?)
        /// Reading back tasks and timers; requests wait.
        case recovering(tasks: Bool, timers: Bool)
        case serving
        /// Terminal: every request is refused.
        case stopped
    }

    /// What waits for a run to be loaded.
    enum Waiting: Sendable {
        case request(RequestID, HistoryRequest)
        case timer(WorkflowKey)
        case task(Int64)
        /// Events a task has asked for.
        case events(Int64, Result<[HistoryEvent], ServiceError>)
        /// The answer to what a task has sent.
        case answer(Int64, Result<HistoryReply, ServiceError>)
        /// What became of a task's attempt to deliver a callback.
        case delivered(Int64, CallbackOutcome)
    }

    struct Load: Sendable {
        let runID: RunID?
        var waiting: [Waiting]
    }

    struct DeletedRun: Sendable {
        let batch: BatchID
        /// Whether it was its workflow id's current run.
        let isCurrent: Bool
    }

    package let id: ShardID
    let settings: Settings
    var generator: SeededGenerator
    var phase = Phase.acquiring(retryAt: nil)
    var range = RangeID(0)
    var now = Timestamp.epoch

    var runs: [WorkflowKey: CachedRun] = [:]
    /// How long the namespaces keep closed executions, as their callers said last.
    var retentions: [NamespaceID: Duration] = [:]
    /// Runs of standalone activities; all that follows is shared by both kinds.
    var activities: [WorkflowKey: CachedActivity] = [:]
    var currentRuns: [WorkflowAddress: RunID] = [:]
    var cachedBytes = 0
    var useCounter: UInt64 = 0
    var loads: [WorkflowAddress: Load] = [:]
    /// Resets that are reading the histories they need.
    var resets: [RequestID: ResetReading] = [:]
    /// Runs that are deleted, while the store may still hold them or a read of them is under way.
    var deletedRuns: [WorkflowKey: DeletedRun] = [:]
    /// Requests that arrived before the shard was ready.
    var early: [(RequestID, HistoryRequest)] = []
    /// Requests to be performed again at the end of this step.
    var repeated: [(RequestID, HistoryRequest)] = []
    /// Set while a request is being performed.
    var currentCall: CurrentCall?
    /// Requests not answered yet.
    var live: Set<RequestID> = []

    var nextBatchID: UInt64 = 1
    var open = OpenBatch(id: BatchID(rawValue: 1))
    var inFlight: OpenBatch?
    var durable = BatchID(rawValue: 0)

    var nextTaskID: Int64 = 0
    /// Tasks that are durable and with matching, or wait for another try.
    var tasks: [Int64: StoredHistoryTask] = [:]
    var taskAttempts: [Int64: Int] = [:]
    var taskRetries = DeadlineHeap<Int64>()
    /// Done, to be removed by the next commit.
    var finishedTasks: [Int64] = []
    var deletionDueAt: Timestamp?
    /// Tasks that are closing a child, and those that will when there is room.
    var closingChildren: Set<Int64> = []
    var childrenToClose: [Int64] = []

    /// Callbacks on their way, by task, and those that wait until they may be.
    var deliveries = DeliveryQueue()
    /// What waits for the event that ended its run, by task.
    var completions: [Int64: CompletionRequest] = [:]

    /// When runs need attention.
    ///
    /// Complete up to and with the horizon, later ones are in the store only; without a horizon
    /// all of them are here.
    var timers = DeadlineHeap<WorkflowKey>()
    var timerHorizon: TimerRow?
    var isLoadingTimers = false
    /// Due runs that are being read.
    var timerLoads = 0

    var waitDeadlines = DeadlineHeap<RequestID>()
    /// Where the waiting request of a deadline is to be found.
    var waitingOn: [RequestID: WorkflowKey] = [:]
    var nextQueryID: UInt64 = 1
    var directQueries: [QueryID: DirectQuery] = [:]

    package private(set) var counters = Counters()

    /// A shard that owns nothing yet.
    ///
    /// Run ids and jitter come from `seed`, drawn outside so that a simulation repeats.
    package init(id: ShardID, settings: Settings, seed: UInt64) {
        self.id = id
        self.settings = settings
        self.generator = SeededGenerator(seed, UInt64(UInt32(bitPattern: id.rawValue)))
    }

    /// Begins with acquiring the range.
    package mutating func start(effects: inout [Effect]) { effects.append(.acquireRange) }

    package mutating func step(_ input: Input, now: Timestamp, effects: inout [Effect]) {
        self.now = max(now, self.now)
        switch input {
        case .rangeAcquired(let range): self.rangeAcquired(range, &effects)
        case .acquisitionFailed: self.acquisitionFailed(&effects)
        case .tasksLoaded(let range, let result):
            if range == self.range { self.tasksLoaded(result, &effects) }
        case .timersLoaded(let range, let result):
            if range == self.range { self.timersLoaded(result, &effects) }
        case .requestArrived(let id, let request): self.arrived(id, request, &effects)
        case .requestCanceled(let id): self.canceled(id, &effects)
        case .runLoaded(let range, let address, let runID, let result):
            if range == self.range { self.runLoaded(address, runID, result, &effects) }
        case .historyRead(let range, let id, let key, let result):
            if range == self.range { self.historyRead(id, key, result, &effects) }
        case .batchCommitted(let id, let error): self.committed(id, error, &effects)
        case .taskHandedOver(let taskID, let error): self.handedOver(taskID, error, &effects)
        case .offered(let dispatch, let error): self.offered(dispatch, error, &effects)
        case .requestAnswered(let taskID, let result):
            self.requestAnswered(taskID, result, &effects)
        case .eventsRead(let taskID, let result): self.eventsRead(taskID, result, &effects)
        case .callbackAnswered(let range, let taskID, let outcome):
            if range == self.range { self.callbackAnswered(taskID, outcome, &effects) }
        case .queryAnswered(let id, let result): self.queryAnswered(id, result, &effects)
        case .tick: self.ticked(&effects)
        case .stopped: self.stop(&effects)
        }
        self.beginDeliveries(&effects)
        self.performRepeated(&effects)
        self.flush(&effects)
    }

    package var nextDeadline: Timestamp? {
        mutating get {
            switch self.phase {
            case .acquiring(let retryAt): return retryAt
            case .recovering, .stopped: return nil
            case .serving: break
            }
            var earliest: Timestamp?
            func consider(_ deadline: Timestamp?) {
                guard let deadline else { return }
                earliest = min(earliest ?? deadline, deadline)
            }
            if self.mayFireTimers { consider(self.timers.first) }
            if !self.isLoadingTimers { consider(self.timerHorizon?.at) }
            consider(self.taskRetries.first)
            consider(self.waitDeadlines.first)
            consider(self.deletionDueAt)
            return earliest
        }
    }

    /// The range that fences this shard's writes.
    package var currentRange: RangeID { self.range }
    package var isServing: Bool { self.phase == .serving }
    /// A run in memory, as the newest accepted transition left it; nil if it is not in memory.
    package func state(of key: WorkflowKey) -> MutableState? { self.runs[key]?.state }
    /// A standalone activity in memory, as the newest accepted transition left it.
    package func activityState(of key: WorkflowKey) -> StandaloneActivityState? {
        self.activities[key]?.state
    }
    /// Whether nothing is being written or waits to be.
    package var isQuiet: Bool { self.inFlight == nil && self.open.isEmpty }

    // MARK: Counting

    mutating func count(_ change: (inout Counters) -> Void) { change(&self.counters) }

    // MARK: Time

    private mutating func ticked(_ effects: inout [Effect]) {
        if case .acquiring(let retryAt?) = self.phase, retryAt <= self.now {
            self.phase = .acquiring(retryAt: nil)
            effects.append(.acquireRange)
            return
        }
        guard self.phase == .serving else { return }
        self.fireTimers(&effects)
        self.retryTasks(&effects)
        self.expireWaits(&effects)
        if let due = self.deletionDueAt, due <= self.now { self.deleteFinishedTasks() }
    }
}
