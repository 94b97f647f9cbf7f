import Persistence
import Primitives

// TaskQueueStore
extension PostgreSQLStores {
    package func acquireTaskQueue(
        _ queue: TaskQueueKey, owner: String
    ) async throws(StoreError) -> TaskQueueLease {
        let statements = [
            SQLStatement(
                """
                INSERT INTO task_queues AS stored
                    (\(QueueColumns.names), range_id, ack_level, owner)
                VALUES ($1, $2, $3, $4, 1, 0, $5)
                ON CONFLICT (\(QueueColumns.names)) DO UPDATE
                SET range_id = stored.range_id + 1, owner = excluded.owner
                RETURNING range_id, ack_level
                """, QueueColumns(queue).parameters + [.text(owner)]),
            SQLStatement(
                "SELECT EXISTS (SELECT FROM task_queue_tasks WHERE \(QueueColumns.match))",
                QueueColumns(queue).parameters),
        ]
        return try await self.write { (connection, deadline) throws(StoreError) in
            let results = try connection.write(statements, until: deadline)
            guard let lease = results[0].first, let backlog = results[1].first else {
                throw .unavailable("\(queue) gave no range")
            }
            return TaskQueueLease(
                range: RangeID(try lease.int8(0)), ackLevel: try lease.int8(1),
                hasBacklog: try backlog.bool(0))
        }
    }

    package func appendBacklog(
        _ rows: [BacklogRow], to queue: TaskQueueKey, range: RangeID
    ) async throws(StoreError) {
        var statements = [QueueColumns.claim(queue, range)]
        let misplaced = rows.indices.dropFirst().first { rows[$0].id <= rows[$0 - 1].id }
        if let first = rows.first {
            statements.append(
                SQLStatement(Self.orderCheck, QueueColumns(queue).parameters + [.int8(first.id)]))
        }
        if misplaced == nil, !rows.isEmpty {
            var ids = SQLColumn.int8, tasks = SQLColumn.bytea
            for row in rows {
                ids.append(row.id)
                tasks.append(row.task)
            }
            statements.append(
                SQLStatement(
                    """
                    INSERT INTO task_queue_tasks (\(QueueColumns.names), task_id, task)
                    SELECT $1, $2, $3, $4, * FROM unnest($5, $6)
                    """, QueueColumns(queue).parameters + [ids.parameter, tasks.parameter]))
        }
        let sent = statements
        try await self.write { (connection, deadline) throws(StoreError) in
            _ = try connection.write(sent, until: deadline) { refusal in
                refusal.condition == .backlogOrder
                    ? .backlogOutOfOrder(queue, id: rows[0].id) : nil
            }
            // Nothing was written then, and all that comes before the row is in order.
            if let misplaced { throw .backlogOutOfOrder(queue, id: rows[misplaced].id) }
        }
    }

    private static let orderCheck = """
        SELECT temporal_refuse('\(SQLRefusal.Condition.backlogOrder.rawValue)', 0)
        WHERE $5 <= greatest(
            (SELECT ack_level FROM task_queues WHERE \(QueueColumns.match)),
            (SELECT max(task_id) FROM task_queue_tasks WHERE \(QueueColumns.match)))
        """

    package func readBacklog(
        _ queue: TaskQueueKey, after: Int64, countMax: Int
    ) async throws(StoreError) -> [BacklogRow] {
        let statement = SQLStatement(
            """
            SELECT task_id, task FROM task_queue_tasks
            WHERE \(QueueColumns.match) AND task_id > $5 ORDER BY task_id LIMIT $6
            """, QueueColumns(queue).parameters + [.int8(after), .limit(countMax)])
        return try await self.read { (connection, deadline) throws(StoreError) in
            var rows: [BacklogRow] = []
            for row in try connection.read(statement, until: deadline)[0].rows {
                rows.append(BacklogRow(id: try row.int8(0), task: try row.bytea(1)))
            }
            return rows
        }
    }

    package func completeBacklog(
        _ queue: TaskQueueKey, through ackLevel: Int64, range: RangeID
    ) async throws(StoreError) {
        let parameters = QueueColumns(queue).parameters + [.int8(ackLevel)]
        let statements = [
            QueueColumns.claim(queue, range),
            SQLStatement(
                "DELETE FROM task_queue_tasks WHERE \(QueueColumns.match) AND task_id <= $5",
                parameters),
            SQLStatement(
                """
                UPDATE task_queues SET ack_level = $5
                WHERE \(QueueColumns.match) AND ack_level < $5
                """, parameters),
        ]
        try await self.write { (connection, deadline) throws(StoreError) in
            _ = try connection.write(statements, until: deadline)
        }
    }
}

/// A task queue's key as its columns hold it.
private struct QueueColumns {
    static let names = "namespace_id, name, task_type, is_sticky"
    /// With the key as the first parameters.
    static let match = "namespace_id = $1 AND name = $2 AND task_type = $3 AND is_sticky = $4"

    let parameters: [SQLParameter]

    init(_ queue: TaskQueueKey) {
        self.parameters = [
            .text(queue.namespaceID.rawValue), .text(queue.name), .int4(queue.type.rawValue),
            .int4(queue.isSticky ? 1 : 0),
        ]
    }

    /// Locks the queue's row; fails unless `range` is the newest.
    static func claim(_ queue: TaskQueueKey, _ range: RangeID) -> SQLStatement {
        SQLStatement(
            """
            WITH held AS MATERIALIZED (
                SELECT range_id FROM task_queues WHERE \(Self.match) FOR UPDATE
            )
            SELECT temporal_refuse('\(SQLRefusal.Condition.ownershipLost.rawValue)', 0)
            WHERE (SELECT range_id FROM held) IS DISTINCT FROM $5
            """, Self(queue).parameters + [.int8(range.rawValue)])
    }
}
