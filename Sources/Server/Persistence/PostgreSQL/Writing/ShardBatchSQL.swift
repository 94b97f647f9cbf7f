import Persistence
import Primitives

/// The statements that write batches of shards, one or several, as one transaction.
///
/// There is one statement for each kind of rows, whatever their number: at most six for what a
/// transition writes. Each raises an error if a condition of one of its rows does not hold, which
/// undoes the whole transaction and skips what comes behind it.
///
/// The first statement locks the rows of the shards, and so whatever belongs to them: who holds the
/// lock has seen everything earlier owners wrote, because every later statement reads what is
/// committed when it begins.
enum ShardBatchSQL {
    static func statements(for writes: [ShardWrite]) -> [SQLStatement] {
        var statements = [self.claim(writes)]
        statements += HistoryRows(writes).statements
        statements += RunRows(writes).statements
        statements += CurrentRunRows(writes).statements
        statements += TaskRows(writes).statements
        statements += VisibilityRows(writes).statements
        statements += DeletedRunRows(writes).statements
        return statements
    }

    /// In order of the shards, so that two writers of several never wait for each other.
    private static func claim(_ writes: [ShardWrite]) -> SQLStatement {
        var shards = SQLColumn.int4, ranges = SQLColumn.int8
        for write in writes {
            shards.append(write.shard.rawValue)
            ranges.append(write.range.rawValue)
        }
        return SQLStatement(
            """
            WITH held AS MATERIALIZED (
                SELECT shard_id, range_id FROM shards WHERE shard_id = ANY ($1)
                ORDER BY shard_id FOR UPDATE
            )
            SELECT temporal_refuse('\(SQLRefusal.Condition.ownershipLost.rawValue)', claim.ord)
            FROM unnest($1, $2) WITH ORDINALITY AS claim (shard_id, range_id, ord)
            LEFT JOIN held ON held.shard_id = claim.shard_id
            WHERE held.range_id IS DISTINCT FROM claim.range_id
            """, [shards.parameter, ranges.parameter])
    }
}

/// The columns that name runs, of rows that belong to shards.
struct RunKeyColumns {
    private var shards = SQLColumn.int4
    private var archetypes = SQLColumn.int4
    private var namespaces = SQLColumn.text
    private var workflows = SQLColumn.text
    private var runs = SQLColumn.text

    static let names = "shard_id, archetype, namespace_id, workflow_id, run_id"

    /// Whether a row of `left` and one of `right` name the same run.
    static func match(_ left: String, _ right: String) -> String {
        self.names.split(separator: ", ").map { "\(left).\($0) = \(right).\($0)" }
            .joined(separator: " AND ")
    }

    var count: Int { self.shards.count }

    mutating func append(_ key: WorkflowKey, _ shard: ShardID) {
        self.shards.append(shard.rawValue)
        self.archetypes.append(key.archetype.rawValue)
        self.namespaces.append(key.namespaceID.rawValue)
        self.workflows.append(key.workflowID.rawValue)
        self.runs.append(key.runID.rawValue)
    }

    var parameters: [SQLParameter] {
        [
            self.shards.parameter, self.archetypes.parameter, self.namespaces.parameter,
            self.workflows.parameter, self.runs.parameter,
        ]
    }
}
