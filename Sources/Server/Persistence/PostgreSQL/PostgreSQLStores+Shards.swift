import Persistence
import Primitives

// ShardStore
extension PostgreSQLStores {
    package func acquireShard(
        _ shard: ShardID, owner: String
    ) async throws(StoreError) -> RangeID {
        let statement = SQLStatement(
            """
            INSERT INTO shards AS stored (shard_id, range_id, owner) VALUES ($1, 1, $2)
            ON CONFLICT (shard_id) DO UPDATE
            SET range_id = stored.range_id + 1, owner = excluded.owner
            RETURNING range_id
            """, [.int4(shard.rawValue), .text(owner)])
        return try await self.write { (connection, deadline) throws(StoreError) in
            guard let row = try connection.write([statement], until: deadline)[0].first else {
                throw .unavailable("\(shard) gave no range")
            }
            return RangeID(try row.int8(0))
        }
    }

    package func commit(
        _ batch: ShardBatch, shard: ShardID, range: RangeID
    ) async throws(StoreError) {
        try await self.engine.commit(ShardWrite(shard: shard, range: range, batch: batch))
    }

    package func loadRun(
        _ address: WorkflowAddress, runID: RunID?, shard: ShardID
    ) async throws(StoreError) -> RunRecord? {
        var parameters: [SQLParameter] = [
            .int4(shard.rawValue), .int4(address.archetype.rawValue),
            .text(address.namespaceID.rawValue), .text(address.workflowID.rawValue),
        ]
        if let runID { parameters.append(.text(runID.rawValue)) }
        let statement = SQLStatement(
            runID == nil ? RunQuery.ofCurrentRun : RunQuery.ofRun, parameters)
        return try await self.read { (connection, deadline) throws(StoreError) in
            let result = try connection.read(statement, until: deadline)[0]
            return try RunQuery.record(result, address)
        }
    }

    package func readHistory(
        _ run: WorkflowKey, events: Range<Int64>, eventsMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryNode] {
        // Each batch has an event; one more may begin before the range.
        let batchesMax = eventsMax.addingReportingOverflow(2)
        let statement = SQLStatement(
            Self.historyQuery,
            [
                .int4(shard.rawValue), .text(run.namespaceID.rawValue),
                .text(run.workflowID.rawValue), .text(run.runID.rawValue),
                .int8(events.lowerBound), .int8(events.upperBound), .int8(Int64(eventsMax)),
                .limit(batchesMax.overflow ? .max : max(batchesMax.partialValue, 2)),
            ])
        return try await self.read { (connection, deadline) throws(StoreError) in
            var nodes: [HistoryNode] = []
            for row in try connection.read(statement, until: deadline)[0].rows {
                let node = HistoryNode(
                    key: run, firstEventID: try row.int8(0), lastEventID: try row.int8(1),
                    events: try row.bytea(2))
                guard node.firstEventID >= 0, node.firstEventID <= node.lastEventID else {
                    throw .corrupt("history of \(run) has an empty batch at \(node.firstEventID)")
                }
                nodes.append(node)
            }
            return nodes
        }
    }

    /// Batches of a run do not overlap, so reading starts at the last one that starts early enough;
    /// it ends behind the batch with which there are enough events.
    private static let historyQuery = """
        SELECT first_event_id, last_event_id, events FROM (
            SELECT first_event_id, last_event_id, events,
                sum(last_event_id - first_event_id + 1) FILTER (WHERE last_event_id >= $5) OVER (
                    ORDER BY first_event_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS events_before
            FROM (
                SELECT first_event_id, last_event_id, events FROM history_nodes
                WHERE shard_id = $1 AND namespace_id = $2 AND workflow_id = $3 AND run_id = $4
                    AND first_event_id >= coalesce(
                        (SELECT max(first_event_id) FROM history_nodes
                         WHERE shard_id = $1 AND namespace_id = $2 AND workflow_id = $3
                            AND run_id = $4 AND first_event_id <= $5), $5)
                    AND first_event_id < $6
                ORDER BY first_event_id LIMIT $8
            ) AS node
        ) AS node
        WHERE last_event_id >= $5 AND (events_before IS NULL OR events_before < $7)
        ORDER BY first_event_id
        """

    package func readTasks(
        after: Int64, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryTaskRow] {
        let statement = SQLStatement(
            """
            SELECT task_id, task FROM history_tasks
            WHERE shard_id = $1 AND task_id > $2 ORDER BY task_id LIMIT $3
            """, [.int4(shard.rawValue), .int8(after), .limit(countMax)])
        return try await self.read { (connection, deadline) throws(StoreError) in
            var rows: [HistoryTaskRow] = []
            for row in try connection.read(statement, until: deadline)[0].rows {
                rows.append(HistoryTaskRow(id: try row.int8(0), task: try row.bytea(1)))
            }
            return rows
        }
    }

    package func readTimers(
        after: TimerRow?, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [TimerRow] {
        var parameters: [SQLParameter] = [.int4(shard.rawValue), .limit(countMax)]
        if let after {
            parameters += [
                .int8(after.at.nanoseconds), .int4(after.key.archetype.rawValue),
                .text(after.key.namespaceID.rawValue), .text(after.key.workflowID.rawValue),
                .text(after.key.runID.rawValue),
            ]
        }
        let columns = "next_timer_at, archetype, namespace_id, workflow_id, run_id"
        let isBehind = "AND (\(columns)) > ($3, $4, $5, $6, $7)"
        let statement = SQLStatement(
            """
            SELECT \(columns) FROM executions
            WHERE shard_id = $1 AND next_timer_at IS NOT NULL \(after == nil ? "" : isBehind)
            ORDER BY \(columns) LIMIT $2
            """, parameters)
        return try await self.read { (connection, deadline) throws(StoreError) in
            var rows: [TimerRow] = []
            for row in try connection.read(statement, until: deadline)[0].rows {
                let key = WorkflowKey(
                    archetype: try row.archetype(1), namespaceID: NamespaceID(try row.text(2)),
                    workflowID: WorkflowID(try row.text(3)), runID: RunID(try row.text(4)))
                rows.append(TimerRow(at: Timestamp(nanoseconds: try row.int8(0)), key: key))
            }
            return rows
        }
    }
}
