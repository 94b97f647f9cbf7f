import DynamicConfig
import Persistence
import Primitives
import ServiceClients

/// One task queue: who waits for its tasks, and which tasks wait.
///
/// A task is offered to a waiting poll first and written to the backlog only if none takes it:
///
///     added ──▶ arrivals ──── poll waits, nothing older ───▶ starting ──▶ done
///                  │                                          ▲   │
///                  └─▶ appending ─▶ window ── poll waits ─────┘   ├─ busy ─▶ delayed ─▶ window
///                        (store)      ▲                           └─ busy, not durable ─▶ spilled
///                                     └── read, when memory held less than the store
///
/// History alone knows whether a task is still valid, and says so when it records the start. So
/// tasks may be handed out twice, and are never lost.
package struct TaskQueuePartition: Machine, Sendable {
    /// The right to write the backlog.
    enum Lease: Equatable {
        case none
        case acquiring
        /// Acquiring failed; the next attempt waits.
        case backingOff
        case held(TaskIDBlock)
    }

    /// Where telling the store how far the backlog is done stands.
    enum Completion: Equatable {
        /// There is nothing to tell.
        case resting
        /// More progress is awaited for a moment.
        case waiting
        case due
        case writing(generation: Int)
        /// The last attempt failed.
        case backingOff
    }

    /// A task whose caller waits for it to be safe.
    struct Arrival: Sendable {
        let add: CallID
        let task: MatchingTask
        var failedStarts = 0
        var startRequestID: String?
    }

    /// The order in which arrivals are served.
    struct ArrivalOrder: Comparable, Sendable {
        let priority: TaskPriority
        let add: CallID

        static func < (left: Self, right: Self) -> Bool {
            (left.priority, left.add) < (right.priority, right.add)
        }
    }

    /// A task on its way to a poll: history is recording the start.
    struct Start: Sendable {
        enum Source: Sendable {
            case arrival(Arrival)
            case backlog(Backlog.Entry, generation: Int)
        }
        let poll: PollerQueue.Poll
        let requestID: String
        let source: Source
        /// The caller is gone and was answered; the task is history's to time out.
        var isWithdrawn = false
    }

    let queue: TaskQueueKey
    let limits: PartitionLimits
    var random: SeededGenerator

    var polls = PollerQueue()
    var pollers: PollerHistory
    var rateLimiter = DispatchRateLimiter()
    var scaling = PollerScaling()
    var starts: [CallID: Start] = [:]

    var arrivals = SortedQueue<ArrivalOrder, Arrival>()
    /// Arrivals history could not start; they need the backlog to be tried again.
    var spilled = SortedQueue<CallID, Arrival>()
    /// What is being written; empty if nothing is.
    var appending: [(id: Int64, arrival: Arrival)] = []
    var appendGeneration = 0
    var backlog: Backlog
    var completion = Completion.resting

    var lease = Lease.none
    /// The range memory belongs to; nil after it was dropped.
    var leasedRange: RangeID?
    var leaseBackoff = RetryBackoff(initial: .milliseconds(100), max: .seconds(10))
    var readBackoff = RetryBackoff(initial: .milliseconds(100), max: .seconds(10))
    var completeBackoff = RetryBackoff(initial: .seconds(1), max: .seconds(60))

    var queries = QueryTasks()
    /// Queries and tasks take turns when polls are scarce.
    var isQueryTurn = true
    /// Who asked for a description before the backlog was known.
    var describers: [CallID] = []

    var waits = Deadlines<Wait>()
    var lastUsedAt = Timestamp.epoch
    var isIdleDue = false
    var isStopped = false

    /// A partition that knows nothing yet; it looks at the store when somebody uses it.
    package init(queue: TaskQueueKey, limits: PartitionLimits, seed: UInt64) {
        self.queue = queue
        self.limits = limits
        self.random = SeededGenerator(seed)
        self.pollers = PollerHistory(
            timeToLive: limits.pollerHistoryTTL, countMax: limits.pollersMax)
        self.backlog = Backlog(windowMax: limits.backlogWindowMax)
    }

    package var nextDeadline: Timestamp? { self.waits.next }

    package mutating func step(_ input: Input, now: Timestamp, effects: inout [Effect]) {
        if self.waits.time(of: .idle) == nil, !self.isStopped {
            self.waits.set(.idle, at: now + self.limits.idleMax)
            self.lastUsedAt = max(self.lastUsedAt, now)
        }
        self.serveWaits(now, &effects)
        self.take(input, now, &effects)
        self.settle(now, &effects)
        self.unloadIfIdle(now, &effects)
    }

    private mutating func take(_ input: Input, _ now: Timestamp, _ effects: inout [Effect]) {
        switch input {
        case .pollArrived(let call, let poll): self.pollArrived(call, poll, now, &effects)
        case .pollCanceled(let call): self.pollCanceled(call, now, &effects)
        case .taskAdded(let call, let task): self.taskAdded(call, task, now, &effects)
        case .taskStartSucceeded(let poll, let task):
            self.taskStartSucceeded(poll, task, now, &effects)
        case .taskStartFailed(let poll, let error): self.taskStartFailed(poll, error, now, &effects)
        case .queryArrived(let call, let query): self.queryArrived(call, query, now, &effects)
        case .queryCanceled(let call): self.queryCanceled(call, &effects)
        case .queryAnswered(let call, let taskID, let answer):
            self.queryAnswered(call, taskID: taskID, answer, &effects)
        case .leaseAcquired(let lease): self.leaseAcquired(lease)
        case .leaseFailed: self.leaseFailed(now, &effects)
        case .backlogAppended: self.backlogAppended(now, &effects)
        case .backlogAppendFailed(let error): self.backlogAppendFailed(error, now, &effects)
        case .backlogRead(let generation, let rows, let isLast):
            self.backlogRead(generation, rows, isLast, now, &effects)
        case .backlogReadFailed(let generation, _): self.backlogReadFailed(generation, now)
        case .backlogCompleted(let level): self.backlogCompleted(through: level)
        case .backlogCompleteFailed(let error): self.backlogCompleteFailed(error, now)
        case .descriptionAsked(let call): self.descriptionAsked(call, now, &effects)
        case .workerLeft: self.workerLeft(now, &effects)
        case .stopped: self.stopped(now, &effects)
        case .tick: break
        }
    }

    /// Does everything that has become possible.
    private mutating func settle(_ now: Timestamp, _ effects: inout [Effect]) {
        guard !self.isStopped else { return self.answerDescribers(now, &effects) }
        self.match(now, &effects)
        self.acquireLeaseIfNeeded(&effects)
        self.appendArrivals(&effects)
        self.readBacklogIfNeeded(&effects)
        self.completeBacklogIfNeeded(now, &effects)
        self.answerDescribers(now, &effects)
    }
}

extension PartitionLimits {
    package init(_ settings: Settings) {
        self.pollersMax = settings.taskQueuePollersMax
        self.queriesMax = settings.queriesWaitingMax
        self.addsMax = settings.taskQueueAddsMax
        self.backlogWindowMax = settings.backlogWindowMax
        self.backlogBatchMax = max(settings.backlogBatchMax, 1)
        self.stickyPollerUnavailableWindow = settings.stickyPollerUnavailableWindow
        self.queryPollerUnavailableWindow = settings.queryPollerUnavailableWindow
        self.pollerHistoryTTL = settings.pollerHistoryTTL
        self.idleMax = settings.taskQueueIdleMax
    }
}
