import Persistence
import Primitives

/// Batches of events to add.
struct HistoryRows {
    private var shards = SQLColumn.int4
    private var namespaces = SQLColumn.text
    private var workflows = SQLColumn.text
    private var runs = SQLColumn.text
    private var firstIDs = SQLColumn.int8
    private var lastIDs = SQLColumn.int8
    private var events = SQLColumn.bytea

    init(_ writes: [ShardWrite]) {
        for write in writes {
            for node in write.batch.history {
                invariant(
                    node.firstEventID <= node.lastEventID, "empty history batch of \(node.key)")
                self.shards.append(write.shard.rawValue)
                self.namespaces.append(node.key.namespaceID.rawValue)
                self.workflows.append(node.key.workflowID.rawValue)
                self.runs.append(node.key.runID.rawValue)
                self.firstIDs.append(node.firstEventID)
                self.lastIDs.append(node.lastEventID)
                self.events.append(node.events)
            }
        }
    }

    var statements: [SQLStatement] {
        guard self.shards.count > 0 else { return [] }
        let columns = [
            self.shards, self.namespaces, self.workflows, self.runs, self.firstIDs, self.lastIDs,
            self.events,
        ]
        return [SQLStatement(Self.sql, columns.map(\.parameter))]
    }

    private static let sql = """
        WITH added AS (
            INSERT INTO history_nodes (shard_id, namespace_id, workflow_id, run_id,
                first_event_id, last_event_id, events)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT DO NOTHING
            RETURNING shard_id, namespace_id, workflow_id, run_id, first_event_id
        )
        SELECT temporal_refuse('\(SQLRefusal.Condition.historyExists.rawValue)', (
            SELECT min(ord) FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY
                AS node (shard_id, namespace_id, workflow_id, run_id, first_event_id, ord)
            WHERE NOT EXISTS (
                SELECT FROM added
                WHERE added.shard_id = node.shard_id AND added.namespace_id = node.namespace_id
                    AND added.workflow_id = node.workflow_id AND added.run_id = node.run_id
                    AND added.first_event_id = node.first_event_id)))
        WHERE (SELECT count(*) FROM added) < cardinality($1)
        """
}
