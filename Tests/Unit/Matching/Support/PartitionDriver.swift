import DynamicConfig
import MatchingCore
import Persistence
import Primitives
import ServiceClients
import TemporalAPI
import Testing

/// Feeds one partition by hand and keeps what it asks for.
struct PartitionDriver {
    typealias Effect = TaskQueuePartition.Effect

    var machine: TaskQueuePartition
    var now = seconds(0)
    private var lastCall: UInt64 = 0

    init(
        _ queue: TaskQueueKey = taskQueue(), seed: UInt64 = 1,
        adjust: (inout PartitionLimits) -> Void = { _ in }
    ) {
        var limits = PartitionLimits(Settings())
        adjust(&limits)
        self.machine = TaskQueuePartition(queue: queue, limits: limits, seed: seed)
    }

    mutating func call() -> CallID {
        self.lastCall += 1
        return CallID(self.lastCall)
    }

    mutating func feed(_ input: TaskQueuePartition.Input) -> [Effect] {
        var effects: [Effect] = []
        self.machine.step(input, now: self.now, effects: &effects)
        return effects
    }

    mutating func poll(
        for wait: Double = 60, identity: String = "worker", rate: Double? = nil
    ) -> (call: CallID, effects: [Effect]) {
        let call = self.call()
        let poll = taskPoll(until: self.now + .seconds(wait), identity: identity, rate: rate)
        return (call, self.feed(.pollArrived(call, poll)))
    }

    mutating func add(
        _ number: Int64, expiresAt: Timestamp? = nil, priority: Int32 = 0
    ) -> (call: CallID, effects: [Effect]) {
        let call = self.call()
        let task = dispatch(number, expiresAt: expiresAt, priority: priority)
        return (call, self.feed(.taskAdded(call, task)))
    }

    mutating func query(for wait: Double = 10) -> (call: CallID, effects: [Effect]) {
        let call = self.call()
        return (
            call, self.feed(.queryArrived(call, queryDispatch(until: self.now + .seconds(wait))))
        )
    }

    /// Lets time pass, waking the machine whenever it wants to be.
    mutating func wait(_ duration: Double) -> [Effect] {
        let end = self.now + .seconds(duration)
        var effects: [Effect] = []
        while let next = self.machine.nextDeadline, next <= end {
            self.now = max(self.now, next)
            effects += self.feed(.tick)
        }
        self.now = end
        return effects
    }

    /// The lease of `range`, with rows above `ackLevel` if `hasBacklog`.
    mutating func acquire(
        _ range: Int64 = 1, ackLevel: Int64 = 0, hasBacklog: Bool = false
    ) -> [Effect] {
        self.feed(
            .leaseAcquired(
                TaskQueueLease(
                    range: RangeID(range), ackLevel: ackLevel, hasBacklog: hasBacklog)))
    }
}

extension [TaskQueuePartition.Effect] {
    /// The tasks history is asked to start, by the number of their workflow.
    var starts: [(poll: CallID, number: Int64)] {
        self.compactMap {
            if case .startTask(let start) = $0 {
                (start.poll, start.task.scheduledEventID)
            } else {
                nil
            }
        }
    }

    var startNumbers: [Int64] { self.starts.map(\.number) }

    var appended: [Int64]? {
        self.compactMap {
            if case .appendBacklog(let rows, _) = $0 { rows.map(\.id) } else { nil }
        }.first
    }

    var addReplies: [CallID: ServiceError.Kind?] {
        self.reduce(into: [:]) { replies, effect in
            if case .replyAdd(let call, let refusal) = effect {
                replies.updateValue(refusal?.kind, forKey: call)
            }
        }
    }

    var pollReplies: [CallID: PollReply] {
        self.reduce(into: [:]) { replies, effect in
            if case .replyPoll(let call, let reply) = effect { replies[call] = reply }
        }
    }

    var queryReplies: [CallID: QueryReply] {
        self.reduce(into: [:]) { replies, effect in
            if case .replyQuery(let call, let reply) = effect { replies[call] = reply }
        }
    }
}

extension QueryReply {
    var refusal: ServiceError.Kind? {
        if case .failure(let error) = self { error.kind } else { nil }
    }
}

extension PollReply {
    /// The number of the workflow whose task the poll came back with.
    var workflowID: String? {
        switch self {
        case .success(.syncMatch(.workflow(let task))), .success(.backlogTask(.workflow(let task))):
            task.workflowExecution.workflowID
        case .success, .failure: nil
        }
    }
}

/// A row as another lease wrote it.
func row(_ id: Int64, expiresAt: Timestamp? = nil, priority: Int32 = 0) -> BacklogRow {
    let task = MatchingTask(
        dispatch(id, expiresAt: expiresAt, priority: priority), createdAt: seconds(0))
    return BacklogRow(id: id, task: task.row)
}
