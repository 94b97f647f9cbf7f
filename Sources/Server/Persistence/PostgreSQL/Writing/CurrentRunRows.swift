import Persistence
import Primitives

/// Current runs to write.
struct CurrentRunRows {
    private var keys = RunKeyColumns()
    private var expected = SQLColumn.text
    private var ords = SQLColumn.int8

    init(_ writes: [ShardWrite]) {
        for write in writes {
            for change in Self.folded(write.batch.currentRuns) {
                self.keys.append(
                    WorkflowKey(change.write.address, change.write.runID), write.shard)
                if change.isAtOdds {
                    self.expected.appendWhatNoTextIs()
                } else {
                    self.expected.append(change.write.expected?.rawValue)
                }
                self.ords.append(Int64(change.index) + 1)
            }
        }
    }

    private struct Change {
        let index: Int
        var write: CurrentRunWrite
        /// Based on something else than what an earlier write of the same batch leaves.
        let isAtOdds: Bool
    }

    /// The writes, of which one that is based on an earlier one is made one with it: a statement
    /// cannot change a row twice.
    private static func folded(_ writes: [CurrentRunWrite]) -> [Change] {
        var changes: [Change] = []
        var places: [WorkflowAddress: Int] = [:]
        for (index, write) in writes.enumerated() {
            if let place = places[write.address] {
                guard changes[place].write.runID == write.expected else {
                    changes.append(Change(index: index, write: write, isAtOdds: true))
                    continue
                }
                changes[place].write.runID = write.runID
            } else {
                places[write.address] = changes.count
                changes.append(Change(index: index, write: write, isAtOdds: false))
            }
        }
        return changes
    }

    var statements: [SQLStatement] {
        guard self.keys.count > 0 else { return [] }
        return [
            SQLStatement(
                Self.sql,
                self.keys.parameters + [self.expected.parameter, self.ords.parameter])
        ]
    }

    private static let address = "shard_id, archetype, namespace_id, workflow_id"
    private static let input = """
        unnest($1, $2, $3, $4, $5, $6, $7) AS run (\(RunKeyColumns.names), expected, ord)
        """

    private static func match(_ left: String) -> String {
        self.address.split(separator: ", ").map { "\(left).\($0) = run.\($0)" }
            .joined(separator: " AND ")
    }

    private static let sql = """
        WITH added AS (
            INSERT INTO current_executions (\(RunKeyColumns.names))
            SELECT \(RunKeyColumns.names) FROM \(Self.input) WHERE expected IS NULL
            ON CONFLICT DO NOTHING RETURNING \(Self.address)
        ),
        changed AS (
            UPDATE current_executions AS stored SET run_id = run.run_id FROM \(Self.input)
            WHERE \(Self.match("stored")) AND stored.run_id = run.expected
            RETURNING run.ord
        )
        SELECT temporal_refuse('\(SQLRefusal.Condition.currentRun.rawValue)', (
            SELECT min(ord) FROM \(Self.input)
            WHERE CASE WHEN run.expected IS NULL
                THEN NOT EXISTS (SELECT FROM added WHERE \(Self.match("added")))
                ELSE NOT EXISTS (SELECT FROM changed WHERE changed.ord = run.ord) END))
        WHERE (SELECT count(*) FROM added) + (SELECT count(*) FROM changed) < cardinality($1)
        """
}
