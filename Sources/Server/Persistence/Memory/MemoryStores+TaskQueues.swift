import Persistence
import Primitives

/// What one task queue has stored.
struct MemoryTaskQueue: Sendable {
    private(set) var range = RangeID(0)
    private var owner = ""
    private var ackLevel: Int64 = 0
    /// By id.
    private var rows: [BacklogRow] = []

    mutating func acquire(owner: String) -> TaskQueueLease {
        self.range = RangeID(self.range.rawValue + 1)
        self.owner = owner
        return TaskQueueLease(
            range: self.range, ackLevel: self.ackLevel, hasBacklog: !self.rows.isEmpty)
    }

    mutating func append(_ rows: [BacklogRow], of queue: TaskQueueKey) throws(StoreError) {
        var last = max(self.ackLevel, self.rows.last?.id ?? .min)
        for row in rows {
            guard row.id > last else { throw .backlogOutOfOrder(queue, id: row.id) }
            last = row.id
        }
        self.rows += rows
    }

    mutating func complete(through ackLevel: Int64) {
        self.rows.removeAll { $0.id <= ackLevel }
        self.ackLevel = max(self.ackLevel, ackLevel)
    }

    func rows(after id: Int64, countMax: Int) -> [BacklogRow] {
        Array(self.rows.lazy.filter { $0.id > id }.prefix(max(countMax, 0)))
    }
}

// TaskQueueStore
extension MemoryStores {
    package func acquireTaskQueue(
        _ queue: TaskQueueKey, owner: String
    ) async throws(StoreError) -> TaskQueueLease {
        try self.write { (state) throws(StoreError) in
            state.taskQueues[queue, default: MemoryTaskQueue()].acquire(owner: owner)
        }
    }

    package func appendBacklog(
        _ rows: [BacklogRow], to queue: TaskQueueKey, range: RangeID
    ) async throws(StoreError) {
        try self.write { (state) throws(StoreError) in
            guard var stored = state.taskQueues[queue], stored.range == range else {
                throw .ownershipLost
            }
            try stored.append(rows, of: queue)
            state.taskQueues[queue] = stored
        }
    }

    package func readBacklog(
        _ queue: TaskQueueKey, after: Int64, countMax: Int
    ) async throws(StoreError) -> [BacklogRow] {
        self.read { $0.taskQueues[queue]?.rows(after: after, countMax: countMax) ?? [] }
    }

    package func completeBacklog(
        _ queue: TaskQueueKey, through ackLevel: Int64, range: RangeID
    ) async throws(StoreError) {
        try self.write { (state) throws(StoreError) in
            guard var stored = state.taskQueues[queue], stored.range == range else {
                throw .ownershipLost
            }
            stored.complete(through: ackLevel)
            state.taskQueues[queue] = stored
        }
    }
}
