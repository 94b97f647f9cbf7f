import Persistence
import Primitives

/// The query that reads a run with its items: one statement, which sees one state of the database.
///
/// The first row, whose kind is null, is the run itself; the others are its items.
enum RunQuery {
    static let ofCurrentRun = Self.sql(runID: "(SELECT run_id FROM current_run)")
    static let ofRun = Self.sql(runID: "$5")

    private static func sql(runID: String) -> String {
        let address = "shard_id = $1 AND archetype = $2 AND namespace_id = $3 AND workflow_id = $4"
        return """
            WITH current_run AS MATERIALIZED (
                SELECT run_id FROM current_executions WHERE \(address)
            )
            SELECT NULL::int4 AS kind, run_id AS id, info AS bytes, version,
                (SELECT run_id FROM current_run) AS current_run_id
            FROM executions WHERE \(address) AND run_id = \(runID)
            UNION ALL
            SELECT kind, item_id, item, NULL, NULL
            FROM execution_items WHERE \(address) AND run_id = \(runID)
            """
    }

    static func record(
        _ result: SQLResult, _ address: WorkflowAddress
    ) throws(StoreError) -> RunRecord? {
        var run: SQLRow?
        var items: [RunItemKey: [UInt8]] = [:]
        for row in result.rows {
            if row.isNull(0) {
                run = row
            } else {
                items[RunItemKey(kind: try row.int4(0), id: try row.text(1))] = try row.bytea(2)
            }
        }
        guard let run else { return nil }
        return RunRecord(
            key: WorkflowKey(address, RunID(try run.text(1))), version: try run.int8(3),
            info: try run.bytea(2), items: items,
            currentRunID: try run.optionalText(4).map { RunID($0) })
    }
}
