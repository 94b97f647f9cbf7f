import Persistence
import Primitives

// TaskQueueStore
extension SQLiteStores {
    package func acquireTaskQueue(
        _ queue: TaskQueueKey, owner: String
    ) async throws(StoreError) -> TaskQueueLease {
        try await self.write { (connection) throws(StoreError) in
            let columns = QueueColumns(queue)
            let lease = try connection.first(
                """
                INSERT INTO task_queues
                    (namespace_id, name, task_type, is_sticky, range_id, ack_level, owner)
                VALUES (?, ?, ?, ?, 1, 0, ?)
                ON CONFLICT DO UPDATE SET range_id = range_id + 1, owner = excluded.owner
                RETURNING range_id, ack_level
                """,
                columns.namespace, columns.name, columns.type, columns.isSticky, .text(owner)
            ) { (row) throws(StoreError) in
                (range: RangeID(try row.integer(0)), ackLevel: try row.integer(1))
            }
            guard let lease else { throw .unavailable("\(queue) gave no range") }
            return TaskQueueLease(
                range: lease.range, ackLevel: lease.ackLevel,
                hasBacklog: try connection.lastBacklogID(columns) != nil)
        }
    }

    package func appendBacklog(
        _ rows: [BacklogRow], to queue: TaskQueueKey, range: RangeID
    ) async throws(StoreError) {
        try await self.write { (connection) throws(StoreError) in
            let columns = QueueColumns(queue)
            let ackLevel = try connection.ackLevel(columns, range: range)
            var last = max(ackLevel, try connection.lastBacklogID(columns) ?? .min)
            for row in rows {
                guard row.id > last else { throw .backlogOutOfOrder(queue, id: row.id) }
                last = row.id
                try connection.run(
                    """
                    INSERT INTO task_queue_tasks
                        (namespace_id, name, task_type, is_sticky, task_id, task)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                    columns.namespace, columns.name, columns.type, columns.isSticky,
                    .integer(row.id), .blob(row.task))
            }
        }
    }

    package func readBacklog(
        _ queue: TaskQueueKey, after: Int64, countMax: Int
    ) async throws(StoreError) -> [BacklogRow] {
        try await self.read { (connection) throws(StoreError) in
            let columns = QueueColumns(queue)
            return try connection.query(
                """
                SELECT task_id, task FROM task_queue_tasks
                WHERE namespace_id = ? AND name = ? AND task_type = ? AND is_sticky = ?
                    AND task_id > ?
                ORDER BY task_id LIMIT ?
                """,
                [
                    columns.namespace, columns.name, columns.type, columns.isSticky,
                    .integer(after), .limit(countMax),
                ]
            ) { (row) throws(StoreError) -> BacklogRow? in
                BacklogRow(id: try row.integer(0), task: try row.blob(1))
            }
        }
    }

    package func completeBacklog(
        _ queue: TaskQueueKey, through ackLevel: Int64, range: RangeID
    ) async throws(StoreError) {
        try await self.write { (connection) throws(StoreError) in
            let columns = QueueColumns(queue)
            let stored = try connection.ackLevel(columns, range: range)
            try connection.run(
                """
                DELETE FROM task_queue_tasks
                WHERE namespace_id = ? AND name = ? AND task_type = ? AND is_sticky = ?
                    AND task_id <= ?
                """,
                columns.namespace, columns.name, columns.type, columns.isSticky,
                .integer(ackLevel))
            try connection.run(
                """
                UPDATE task_queues SET ack_level = ?
                WHERE namespace_id = ? AND name = ? AND task_type = ? AND is_sticky = ?
                """,
                .integer(max(stored, ackLevel)), columns.namespace, columns.name, columns.type,
                columns.isSticky)
        }
    }
}

/// A task queue's key as its columns hold it.
private struct QueueColumns {
    let namespace: SQLiteValue
    let name: SQLiteValue
    let type: SQLiteValue
    let isSticky: SQLiteValue

    init(_ queue: TaskQueueKey) {
        self.namespace = .text(queue.namespaceID.rawValue)
        self.name = .text(queue.name)
        self.type = .integer(Int64(queue.type.rawValue))
        self.isSticky = .integer(queue.isSticky ? 1 : 0)
    }
}

extension SQLiteConnection {
    /// The ack level of a queue that `range` still owns.
    fileprivate func ackLevel(_ queue: QueueColumns, range: RangeID) throws(StoreError) -> Int64 {
        let stored = try self.first(
            """
            SELECT range_id, ack_level FROM task_queues
            WHERE namespace_id = ? AND name = ? AND task_type = ? AND is_sticky = ?
            """,
            queue.namespace, queue.name, queue.type, queue.isSticky
        ) { (row) throws(StoreError) in
            (range: RangeID(try row.integer(0)), ackLevel: try row.integer(1))
        }
        guard let stored, stored.range == range else { throw .ownershipLost }
        return stored.ackLevel
    }

    fileprivate func lastBacklogID(_ queue: QueueColumns) throws(StoreError) -> Int64? {
        try self.first(
            """
            SELECT task_id FROM task_queue_tasks
            WHERE namespace_id = ? AND name = ? AND task_type = ? AND is_sticky = ?
            ORDER BY task_id DESC LIMIT 1
            """,
            queue.namespace, queue.name, queue.type, queue.isSticky
        ) { (row) throws(StoreError) in try row.integer(0) }
    }
}
