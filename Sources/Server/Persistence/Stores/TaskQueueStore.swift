import Primitives

/// Stores the backlogs of task queues.
package protocol TaskQueueStore: Sendable {
    /// Takes the queue over: raises its range id.
    func acquireTaskQueue(
        _ queue: TaskQueueKey, owner: String
    ) async throws(StoreError) -> TaskQueueLease

    /// Appends rows, durably and atomically; ids must be above all earlier ones of this queue.
    /// - Throws: ``StoreError/ownershipLost`` if `range` is not the newest.
    func appendBacklog(
        _ rows: [BacklogRow], to queue: TaskQueueKey, range: RangeID
    ) async throws(StoreError)

    /// Rows with an id above `after`, by id.
    func readBacklog(
        _ queue: TaskQueueKey, after: Int64, countMax: Int
    ) async throws(StoreError) -> [BacklogRow]

    /// Forgets all rows with an id up to `ackLevel`, and remembers the level.
    func completeBacklog(
        _ queue: TaskQueueKey, through ackLevel: Int64, range: RangeID
    ) async throws(StoreError)
}

/// The right to write a task queue's backlog.
package struct TaskQueueLease: Sendable, Equatable {
    package let range: RangeID
    /// Every row up to this id is done.
    package let ackLevel: Int64
    /// Whether rows above the ack level may exist.
    package let hasBacklog: Bool

    package init(range: RangeID, ackLevel: Int64, hasBacklog: Bool) {
        self.range = range
        self.ackLevel = ackLevel
        self.hasBacklog = hasBacklog
    }
}

/// A waiting task.
package struct BacklogRow: Sendable, Equatable {
    package let id: Int64
    /// A serialized `BacklogTask` record.
    package let task: [UInt8]

    package init(id: Int64, task: [UInt8]) {
        self.id = id
        self.task = task
    }
}
