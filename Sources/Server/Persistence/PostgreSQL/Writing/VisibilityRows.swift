import Persistence
import PersistenceSQL
import Primitives

/// Rows of runs as lists show them.
struct VisibilityRows {
    private var keys = RunKeyColumns()
    /// In the order of ``names``.
    private var texts = [SQLColumn](repeating: .text, count: Self.textNames.count)
    private var numbers = [SQLColumn](repeating: .int8, count: Self.numberNames.count)
    private var statuses = SQLColumn.int4
    private var attributes = SQLColumn.jsonb
    private var memos = SQLColumn.bytea
    private var payloads = SQLColumn.bytea

    private static let textNames = [
        "division", "workflow_type", "task_queue", "parent_workflow_id", "parent_run_id",
        "root_workflow_id", "root_run_id",
    ]
    private static let numberNames = [
        "start_at", "execution_at", "close_at", "history_length", "history_size_bytes",
        "state_transition_count",
    ]
    private static let names =
        textNames + numberNames
        + ["status", "search_attributes", "memo", "search_attribute_payloads"]

    init(_ writes: [ShardWrite]) {
        for write in writes {
            for record in write.batch.visibility { self.append(record, write.shard) }
        }
    }

    private mutating func append(_ record: VisibilityRecord, _ shard: ShardID) {
        self.keys.append(record.key, shard)
        let texts: [String?] = [
            record.division, record.workflowType, record.taskQueue, record.parentWorkflowID,
            record.parentRunID, record.rootWorkflowID, record.rootRunID,
        ]
        for (index, text) in texts.enumerated() { self.texts[index].append(text) }
        let numbers = [
            record.startAt.nanoseconds, record.executionAt.nanoseconds,
            (record.closeAt ?? .distantFuture).nanoseconds, record.historyLength,
            record.historySizeBytes, record.stateTransitionCount,
        ]
        for (index, number) in numbers.enumerated() { self.numbers[index].append(number) }
        self.statuses.append(record.status)
        self.attributes.append(json: StoredAttributes.encode(record.searchAttributes))
        self.memos.append(record.memo)
        self.payloads.append(record.searchAttributePayloads)
    }

    var statements: [SQLStatement] {
        guard self.keys.count > 0 else { return [] }
        let columns =
            self.texts + self.numbers + [
                self.statuses, self.attributes, self.memos, self.payloads,
            ]
        return [SQLStatement(Self.sql, self.keys.parameters + columns.map(\.parameter))]
    }

    private static let sql: String = {
        let count = 5 + Self.names.count
        let parameters = (1...count).map { "$\($0)" }.joined(separator: ", ")
        let changes = (["archetype", "workflow_id"] + Self.names).map { "\($0) = excluded.\($0)" }
        return """
            INSERT INTO executions_visibility
                (\(RunKeyColumns.names), \(Self.names.joined(separator: ", ")))
            SELECT * FROM unnest(\(parameters))
            ON CONFLICT (shard_id, namespace_id, run_id) DO UPDATE
            SET \(changes.joined(separator: ", "))
            """
    }()
}
