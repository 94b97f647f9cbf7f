import Persistence
import Primitives

/// Writes one batch of a shard inside a transaction; the caller undoes it if it throws.
struct ShardBatchWriter {
    let connection: SQLiteConnection
    let shard: SQLiteValue

    init(connection: SQLiteConnection, shard: ShardID) {
        self.connection = connection
        self.shard = .integer(Int64(shard.rawValue))
    }

    func write(_ batch: ShardBatch, range: RangeID) throws(StoreError) {
        let owner = try self.connection.first(
            "SELECT range_id FROM shards WHERE shard_id = ?", self.shard
        ) { (row) throws(StoreError) in try row.integer(0) }
        guard owner == range.rawValue else { throw .ownershipLost }
        for node in batch.history { try self.append(node) }
        for write in batch.runs { try self.apply(write) }
        for write in batch.currentRuns { try self.apply(write) }
        for task in batch.addedTasks { try self.add(task) }
        for id in batch.deletedTasks {
            try self.connection.run(
                "DELETE FROM history_tasks WHERE shard_id = ? AND task_id = ?",
                self.shard, .integer(id))
        }
        for record in batch.visibility { try self.connection.upsert(record) }
        for key in batch.deletedRuns { try self.delete(key) }
    }

    private func append(_ node: HistoryNode) throws(StoreError) {
        invariant(node.firstEventID <= node.lastEventID, "empty history batch of \(node.key)")
        let count = try self.connection.run(
            """
            INSERT INTO history_nodes (shard_id, namespace_id, workflow_id, run_id,
                first_event_id, last_event_id, events)
            VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """,
            self.shard, .text(node.key.namespaceID.rawValue),
            .text(node.key.workflowID.rawValue), .text(node.key.runID.rawValue),
            .integer(node.firstEventID), .integer(node.lastEventID), .blob(node.events))
        guard count == 1 else {
            throw .historyExists(node.key, firstEventID: node.firstEventID)
        }
    }

    private func apply(_ write: RunWrite) throws(StoreError) {
        invariant(write.version > write.expectedVersion, "version of \(write.key) must rise")
        let count = try write.expectedVersion == 0 ? self.insert(write) : self.update(write)
        guard count == 1 else { throw .runVersion(write.key, isNot: write.expectedVersion) }
        let archetype = SQLiteValue(write.key.archetype)
        let namespace = SQLiteValue.text(write.key.namespaceID.rawValue)
        let workflow = SQLiteValue.text(write.key.workflowID.rawValue)
        let run = SQLiteValue.text(write.key.runID.rawValue)
        for item in write.deletedItems {
            try self.connection.run(
                """
                DELETE FROM execution_items
                WHERE shard_id = ? AND archetype = ? AND namespace_id = ? AND workflow_id = ?
                    AND run_id = ? AND kind = ? AND item_id = ?
                """,
                self.shard, archetype, namespace, workflow, run, .integer(Int64(item.kind)),
                .text(item.id))
        }
        for (item, bytes) in write.upsertedItems {
            try self.connection.run(
                """
                INSERT OR REPLACE INTO execution_items
                    (shard_id, archetype, namespace_id, workflow_id, run_id, kind, item_id, item)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                self.shard, archetype, namespace, workflow, run, .integer(Int64(item.kind)),
                .text(item.id),
                .blob(bytes))
        }
    }

    private func insert(_ write: RunWrite) throws(StoreError) -> Int {
        try self.connection.run(
            """
            INSERT INTO executions (shard_id, archetype, namespace_id, workflow_id, run_id,
                version, next_timer_at, info)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """,
            self.shard, SQLiteValue(write.key.archetype), .text(write.key.namespaceID.rawValue),
            .text(write.key.workflowID.rawValue), .text(write.key.runID.rawValue),
            .integer(write.version), .optional(write.nextTimerAt?.nanoseconds), .blob(write.info))
    }

    private func update(_ write: RunWrite) throws(StoreError) -> Int {
        try self.connection.run(
            """
            UPDATE executions SET version = ?, next_timer_at = ?, info = ?
            WHERE shard_id = ? AND archetype = ? AND namespace_id = ? AND workflow_id = ?
                AND run_id = ? AND version = ?
            """,
            .integer(write.version), .optional(write.nextTimerAt?.nanoseconds), .blob(write.info),
            self.shard, SQLiteValue(write.key.archetype), .text(write.key.namespaceID.rawValue),
            .text(write.key.workflowID.rawValue), .text(write.key.runID.rawValue),
            .integer(write.expectedVersion))
    }

    private func apply(_ write: CurrentRunWrite) throws(StoreError) {
        let archetype = SQLiteValue(write.address.archetype)
        let namespace = SQLiteValue.text(write.address.namespaceID.rawValue)
        let workflow = SQLiteValue.text(write.address.workflowID.rawValue)
        let run = SQLiteValue.text(write.runID.rawValue)
        let count: Int
        if let expected = write.expected {
            count = try self.connection.run(
                """
                UPDATE current_executions SET run_id = ?
                WHERE shard_id = ? AND archetype = ? AND namespace_id = ? AND workflow_id = ?
                    AND run_id = ?
                """,
                run, self.shard, archetype, namespace, workflow, .text(expected.rawValue))
        } else {
            count = try self.connection.run(
                """
                INSERT INTO current_executions
                    (shard_id, archetype, namespace_id, workflow_id, run_id)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
                self.shard, archetype, namespace, workflow, run)
        }
        guard count == 1 else { throw .currentRun(of: write.address, isNot: write.expected) }
    }

    private func add(_ task: HistoryTaskRow) throws(StoreError) {
        let count = try self.connection.run(
            """
            INSERT INTO history_tasks (shard_id, task_id, task) VALUES (?, ?, ?)
            ON CONFLICT DO NOTHING
            """,
            self.shard, .integer(task.id), .blob(task.task))
        guard count == 1 else { throw .taskExists(task.id) }
    }

    private func delete(_ key: WorkflowKey) throws(StoreError) {
        let namespace = SQLiteValue.text(key.namespaceID.rawValue)
        let workflow = SQLiteValue.text(key.workflowID.rawValue)
        let run = SQLiteValue.text(key.runID.rawValue)
        for table in ["executions", "execution_items", "current_executions"] {
            try self.connection.run(
                """
                DELETE FROM \(table)
                WHERE shard_id = ? AND archetype = ? AND namespace_id = ? AND workflow_id = ?
                    AND run_id = ?
                """,
                self.shard, SQLiteValue(key.archetype), namespace, workflow, run)
        }
        if key.archetype == .workflow {
            try self.connection.run(
                """
                DELETE FROM history_nodes
                WHERE shard_id = ? AND namespace_id = ? AND workflow_id = ? AND run_id = ?
                """,
                self.shard, namespace, workflow, run)
        }
        try self.connection.run(
            "DELETE FROM executions_visibility WHERE namespace_id = ? AND run_id = ?",
            namespace, run)
    }
}

extension SQLiteValue {
    init(_ archetype: Archetype) { self = .integer(Int64(archetype.rawValue)) }
}
