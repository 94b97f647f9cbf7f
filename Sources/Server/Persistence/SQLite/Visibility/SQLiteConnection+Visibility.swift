import Persistence
import PersistenceSQL
import Primitives

extension SQLiteConnection {
    /// Writes a run's row as lists show it.
    func upsert(_ record: VisibilityRecord) throws(StoreError) {
        try self.run(
            """
            INSERT OR REPLACE INTO executions_visibility (namespace_id, run_id, archetype, division,
                workflow_id, workflow_type, task_queue, status, start_at, execution_at, close_at,
                history_length, history_size_bytes, state_transition_count, parent_workflow_id,
                parent_run_id, root_workflow_id, root_run_id, search_attributes, memo,
                search_attribute_payloads)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            .text(record.key.namespaceID.rawValue), .text(record.key.runID.rawValue),
            SQLiteValue(record.key.archetype), .optional(record.division),
            .text(record.key.workflowID.rawValue), .text(record.workflowType),
            .text(record.taskQueue), .integer(Int64(record.status)),
            .integer(record.startAt.nanoseconds), .integer(record.executionAt.nanoseconds),
            .integer((record.closeAt ?? .distantFuture).nanoseconds),
            .integer(record.historyLength), .integer(record.historySizeBytes),
            .integer(record.stateTransitionCount), .optional(record.parentWorkflowID),
            .optional(record.parentRunID), .text(record.rootWorkflowID), .text(record.rootRunID),
            .text(AttributeJSON.encode(record.searchAttributes)), .blob(record.memo),
            .blob(record.searchAttributePayloads))
    }

    func listRuns(_ query: VisibilityQuery) throws(StoreError) -> [VisibilityRecord] {
        var sql = VisibilitySQL()
        let namespace = sql.bind(.text(query.namespaceID.rawValue))
        let condition = sql.condition(query.filter)
        let isBehind = query.after.map { "AND \(sql.isBehind($0))" } ?? ""
        let limit = sql.bind(.limit(query.countMax))
        return try self.query(
            """
            SELECT run_id, workflow_id, workflow_type, task_queue, status, start_at, execution_at,
                close_at, history_length, history_size_bytes, state_transition_count,
                parent_workflow_id, parent_run_id, root_workflow_id, root_run_id,
                search_attributes, memo, search_attribute_payloads, archetype, division
            FROM executions_visibility
            WHERE namespace_id = \(namespace) AND \(condition) \(isBehind)
            ORDER BY close_at DESC, start_at DESC, run_id LIMIT \(limit)
            """,
            sql.values
        ) { (row) throws(StoreError) -> VisibilityRecord? in
            try VisibilityRecord(row, namespaceID: query.namespaceID)
        }
    }

    func countRuns(_ query: VisibilityQuery) throws(StoreError) -> VisibilityCount {
        var sql = VisibilitySQL()
        let column = query.groupBy
        let value = column.map { sql.grouping($0) } ?? "NULL"
        let namespace = sql.bind(.text(query.namespaceID.rawValue))
        let condition = sql.condition(query.filter)
        var total: Int64 = 0
        let groups = try self.query(
            """
            SELECT \(value), count(*) FROM executions_visibility
            WHERE namespace_id = \(namespace) AND \(condition)
            \(column == nil ? "" : "GROUP BY 1")
            """,
            sql.values
        ) { (row) throws(StoreError) -> VisibilityCount.Group?? in
            let count = try row.integer(1)
            total += count
            guard let column, let value = try SearchAttributeValue(row, 0, of: column) else {
                return .some(nil)
            }
            return VisibilityCount.Group(value: value, count: count)
        }
        let ordered = groups.compactMap { $0 }.sorted {
            SearchAttributeValue.precedes($0.value, $1.value)
        }
        return VisibilityCount(total: total, groups: ordered)
    }
}

extension VisibilityRecord {
    /// Reads the columns that ``SQLiteConnection/listRuns(_:)`` asks for.
    fileprivate init(
        _ row: borrowing SQLiteRow, namespaceID: NamespaceID
    ) throws(StoreError) {
        let closeAt = Timestamp(nanoseconds: try row.integer(7))
        self.init(
            key: WorkflowKey(
                archetype: try Archetype(row, 18), namespaceID: namespaceID,
                workflowID: WorkflowID(try row.text(1)),
                runID: RunID(try row.text(0))),
            division: try row.optionalText(19), workflowType: try row.text(2),
            taskQueue: try row.text(3), status: try row.int32(4),
            startAt: Timestamp(nanoseconds: try row.integer(5)),
            executionAt: Timestamp(nanoseconds: try row.integer(6)),
            closeAt: closeAt == .distantFuture ? nil : closeAt,
            historyLength: try row.integer(8), historySizeBytes: try row.integer(9),
            stateTransitionCount: try row.integer(10),
            parentWorkflowID: try row.optionalText(11), parentRunID: try row.optionalText(12),
            rootWorkflowID: try row.text(13), rootRunID: try row.text(14),
            searchAttributes: try AttributeJSON.decode(try row.text(15)), memo: try row.blob(16),
            searchAttributePayloads: try row.blob(17))
    }
}

extension SearchAttributeValue {
    /// A value as it is grouped by; nil if there is none.
    fileprivate init?(
        _ row: borrowing SQLiteRow, _ index: Int32, of column: VisibilityColumn
    ) throws(StoreError) {
        if row.isNull(index) { return nil }
        self =
            switch column.type {
            case .keyword: .keyword(try row.text(index))
            case .text: .text(try row.text(index))
            case .int: .int(try row.integer(index))
            case .double: .double(Double(orderedBits: try row.integer(index)))
            case .bool: .bool(try row.integer(index) != 0)
            case .datetime: .datetime(Timestamp(nanoseconds: try row.integer(index)))
            case .keywordList: .keywordList(try AttributeJSON.decodeList(try row.text(index)))
            }
    }
}

extension Archetype {
    /// Reads a column of archetypes.
    init(_ row: borrowing SQLiteRow, _ index: Int32) throws(StoreError) {
        let number = try row.int32(index)
        guard let archetype = Archetype(rawValue: number) else {
            throw .unavailable("unknown archetype \(number)")
        }
        self = archetype
    }
}
