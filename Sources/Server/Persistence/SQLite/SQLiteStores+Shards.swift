import Persistence
import Primitives

// ShardStore
extension SQLiteStores {
    package func acquireShard(
        _ shard: ShardID, owner: String
    ) async throws(StoreError) -> RangeID {
        try await self.write { (connection) throws(StoreError) in
            let range = try connection.first(
                """
                INSERT INTO shards (shard_id, range_id, owner) VALUES (?, 1, ?)
                ON CONFLICT DO UPDATE SET range_id = range_id + 1, owner = excluded.owner
                RETURNING range_id
                """,
                .integer(Int64(shard.rawValue)), .text(owner)
            ) { (row) throws(StoreError) in try row.integer(0) }
            guard let range else { throw .unavailable("\(shard) gave no range") }
            return RangeID(range)
        }
    }

    package func commit(
        _ batch: ShardBatch, shard: ShardID, range: RangeID
    ) async throws(StoreError) {
        try await self.write { (connection) throws(StoreError) in
            let writer = ShardBatchWriter(connection: connection, shard: shard)
            try writer.write(batch, range: range)
        }
    }

    package func loadRun(
        _ address: WorkflowAddress, runID: RunID?, shard: ShardID
    ) async throws(StoreError) -> RunRecord? {
        try await self.read { (connection) throws(StoreError) in
            try connection.snapshot { () throws(StoreError) in
                try connection.loadRun(address, runID: runID, shard: shard)
            }
        }
    }

    package func readHistory(
        _ run: WorkflowKey, events: Range<Int64>, eventsMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryNode] {
        try await self.read { (connection) throws(StoreError) in
            try connection.readHistory(run, events: events, eventsMax: eventsMax, shard: shard)
        }
    }

    package func readTasks(
        after: Int64, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryTaskRow] {
        try await self.read { (connection) throws(StoreError) in
            try connection.query(
                """
                SELECT task_id, task FROM history_tasks
                WHERE shard_id = ? AND task_id > ? ORDER BY task_id LIMIT ?
                """,
                [.integer(Int64(shard.rawValue)), .integer(after), .limit(countMax)]
            ) { (row) throws(StoreError) -> HistoryTaskRow? in
                HistoryTaskRow(id: try row.integer(0), task: try row.blob(1))
            }
        }
    }

    package func readTimers(
        after: TimerRow?, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [TimerRow] {
        var values = [SQLiteValue.integer(Int64(shard.rawValue))]
        if let after {
            values += [
                .integer(after.at.nanoseconds), SQLiteValue(after.key.archetype),
                .text(after.key.namespaceID.rawValue),
                .text(after.key.workflowID.rawValue), .text(after.key.runID.rawValue),
            ]
        }
        let bound = values + [.limit(countMax)]
        let isBehind =
            "AND (next_timer_at, archetype, namespace_id, workflow_id, run_id) > (?, ?, ?, ?, ?)"
        return try await self.read { (connection) throws(StoreError) in
            try connection.query(
                """
                SELECT next_timer_at, archetype, namespace_id, workflow_id, run_id
                FROM executions
                WHERE shard_id = ? AND next_timer_at IS NOT NULL \(after == nil ? "" : isBehind)
                ORDER BY next_timer_at, archetype, namespace_id, workflow_id, run_id LIMIT ?
                """,
                bound
            ) { (row) throws(StoreError) -> TimerRow? in
                TimerRow(
                    at: Timestamp(nanoseconds: try row.integer(0)),
                    key: WorkflowKey(
                        archetype: try Archetype(row, 1),
                        namespaceID: NamespaceID(try row.text(2)),
                        workflowID: WorkflowID(try row.text(3)), runID: RunID(try row.text(4))))
            }
        }
    }
}

extension SQLiteConnection {
    /// Runs several queries that all see the same state of the database.
    fileprivate func snapshot<Value>(
        _ body: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try self.run("BEGIN")
        let result = Result { () throws(StoreError) in try body() }
        try self.run("COMMIT")
        return try result.get()
    }

    fileprivate func loadRun(
        _ address: WorkflowAddress, runID: RunID?, shard: ShardID
    ) throws(StoreError) -> RunRecord? {
        let shard = SQLiteValue.integer(Int64(shard.rawValue))
        let archetype = SQLiteValue(address.archetype)
        let namespace = SQLiteValue.text(address.namespaceID.rawValue)
        let workflow = SQLiteValue.text(address.workflowID.rawValue)
        let current = try self.first(
            """
            SELECT run_id FROM current_executions
            WHERE shard_id = ? AND archetype = ? AND namespace_id = ? AND workflow_id = ?
            """,
            shard, archetype, namespace, workflow
        ) { (row) throws(StoreError) in RunID(try row.text(0)) }
        guard let runID = runID ?? current else { return nil }
        let run = SQLiteValue.text(runID.rawValue)
        let state = try self.first(
            """
            SELECT version, info FROM executions
            WHERE shard_id = ? AND archetype = ? AND namespace_id = ? AND workflow_id = ? AND run_id = ?
            """,
            shard, archetype, namespace, workflow, run
        ) { (row) throws(StoreError) in (version: try row.integer(0), info: try row.blob(1)) }
        guard let state else { return nil }
        let items = try self.query(
            """
            SELECT kind, item_id, item FROM execution_items
            WHERE shard_id = ? AND archetype = ? AND namespace_id = ? AND workflow_id = ? AND run_id = ?
            """,
            [shard, archetype, namespace, workflow, run]
        ) { (row) throws(StoreError) -> (RunItemKey, [UInt8])? in
            (RunItemKey(kind: try row.int32(0), id: try row.text(1)), try row.blob(2))
        }
        return RunRecord(
            key: WorkflowKey(address, runID),
            version: state.version, info: state.info,
            items: Dictionary(items) { _, last in last }, currentRunID: current)
    }

    /// Batches of a run do not overlap, so reading starts at the last one that starts early enough.
    fileprivate func readHistory(
        _ run: WorkflowKey, events: Range<Int64>, eventsMax: Int, shard: ShardID
    ) throws(StoreError) -> [HistoryNode] {
        var count = 0
        let nodes = try self.query(
            """
            SELECT first_event_id, last_event_id, events FROM history_nodes
            WHERE shard_id = ?1 AND namespace_id = ?2 AND workflow_id = ?3 AND run_id = ?4
                AND first_event_id >= ifnull(
                    (SELECT max(first_event_id) FROM history_nodes
                     WHERE shard_id = ?1 AND namespace_id = ?2 AND workflow_id = ?3
                        AND run_id = ?4 AND first_event_id <= ?5), ?5)
                AND first_event_id < ?6
            ORDER BY first_event_id
            """,
            [
                .integer(Int64(shard.rawValue)), .text(run.namespaceID.rawValue),
                .text(run.workflowID.rawValue), .text(run.runID.rawValue),
                .integer(events.lowerBound), .integer(events.upperBound),
            ]
        ) { (row) throws(StoreError) -> HistoryNode? in
            if count > 0 && count >= eventsMax { return nil }
            let node = HistoryNode(
                key: run, firstEventID: try row.integer(0), lastEventID: try row.integer(1),
                events: try row.blob(2))
            guard node.firstEventID >= 0, node.firstEventID <= node.lastEventID else {
                throw .corrupt("history of \(run) has an empty batch at \(node.firstEventID)")
            }
            if node.lastEventID >= events.lowerBound {
                count += Int(Int32(clamping: node.lastEventID - node.firstEventID)) + 1
            }
            return node
        }
        return nodes.filter { $0.lastEventID >= events.lowerBound }
    }
}

extension SQLiteValue {
    /// The most rows wanted; SQLite takes a negative number as no limit.
    static func limit(_ countMax: Int) -> SQLiteValue { .integer(Int64(max(countMax, 0))) }
}
