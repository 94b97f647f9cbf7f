import Persistence
import Primitives

/// Runs to remove with everything they have.
struct DeletedRunRows {
    private var keys = RunKeyColumns()

    init(_ writes: [ShardWrite]) {
        for write in writes {
            for key in write.batch.deletedRuns { self.keys.append(key, write.shard) }
        }
    }

    var statements: [SQLStatement] {
        guard self.keys.count > 0 else { return [] }
        return [SQLStatement(Self.sql, self.keys.parameters)]
    }

    private static let input = "unnest($1, $2, $3, $4, $5) AS gone (\(RunKeyColumns.names))"

    private static func deletion(from table: String, where match: String) -> String {
        "DELETE FROM \(table) AS stored USING \(self.input) WHERE \(match)"
    }

    private static let sql: String = {
        let match = RunKeyColumns.match("stored", "gone")
        let history = match.replacing(
            "stored.archetype = gone.archetype",
            with: "gone.archetype = \(Archetype.workflow.rawValue)")
        let visibility =
            "stored.shard_id = gone.shard_id AND stored.namespace_id = gone.namespace_id "
            + "AND stored.run_id = gone.run_id"
        return """
            WITH states AS (\(Self.deletion(from: "executions", where: match))),
            items AS (\(Self.deletion(from: "execution_items", where: match))),
            current AS (\(Self.deletion(from: "current_executions", where: match))),
            history AS (\(Self.deletion(from: "history_nodes", where: history)))
            \(Self.deletion(from: "executions_visibility", where: visibility))
            """
    }()
}
