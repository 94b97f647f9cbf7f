import Persistence
import PersistenceSQL
import Primitives

extension PostgreSQLConnection {
    /// Lists and counts are planned for their literals, which say how many rows there will be.
    private static let planning = SQLStatement(
        "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)", [])

    func listRuns(
        _ query: VisibilityQuery, until deadline: Deadline
    ) throws(StoreError) -> [VisibilityRecord] {
        var sql = VisibilitySQL()
        let namespace = sql.bind(.text(query.namespaceID.rawValue))
        let condition = sql.condition(query.filter)
        let isBehind = query.after.map { "AND \(sql.isBehind($0))" } ?? ""
        let limit = sql.bind(.limit(query.countMax))
        let statement = SQLStatement(
            """
            SELECT run_id, workflow_id, workflow_type, task_queue, status, start_at, execution_at,
                close_at, history_length, history_size_bytes, state_transition_count,
                parent_workflow_id, parent_run_id, root_workflow_id, root_run_id,
                search_attributes, memo, search_attribute_payloads, archetype, division
            FROM executions_visibility
            WHERE namespace_id = \(namespace) AND \(condition) \(isBehind)
            ORDER BY close_at DESC, start_at DESC, run_id LIMIT \(limit)
            """, sql.parameters, isPrepared: false)
        var records: [VisibilityRecord] = []
        for row in try self.read(Self.planning, statement, until: deadline)[1].rows {
            records.append(try VisibilityRecord(row, namespaceID: query.namespaceID))
        }
        return records
    }

    func countRuns(
        _ query: VisibilityQuery, until deadline: Deadline
    ) throws(StoreError) -> VisibilityCount {
        var sql = VisibilitySQL()
        let column = query.groupBy
        let value = column.map { sql.grouping($0) } ?? "NULL"
        let namespace = sql.bind(.text(query.namespaceID.rawValue))
        let condition = sql.condition(query.filter)
        let statement = SQLStatement(
            """
            SELECT \(value), count(*) FROM executions_visibility
            WHERE namespace_id = \(namespace) AND \(condition)
            \(column == nil ? "" : "GROUP BY 1")
            """, sql.parameters, isPrepared: false)
        var count = VisibilityCount(total: 0, groups: [])
        for row in try self.read(Self.planning, statement, until: deadline)[1].rows {
            let rows = try row.int8(1)
            count.total += rows
            guard let column, let value = try SearchAttributeValue(row, 0, of: column) else {
                continue
            }
            count.groups.append(VisibilityCount.Group(value: value, count: rows))
        }
        count.groups.sort { SearchAttributeValue.precedes($0.value, $1.value) }
        return count
    }
}

extension VisibilityRecord {
    /// Reads the columns that ``PostgreSQLConnection/listRuns(_:until:)`` asks for.
    fileprivate init(_ row: SQLRow, namespaceID: NamespaceID) throws(StoreError) {
        let closeAt = Timestamp(nanoseconds: try row.int8(7))
        self.init(
            key: WorkflowKey(
                archetype: try row.archetype(18), namespaceID: namespaceID,
                workflowID: WorkflowID(try row.text(1)), runID: RunID(try row.text(0))),
            division: try row.optionalText(19), workflowType: try row.text(2),
            taskQueue: try row.text(3), status: try row.int4(4),
            startAt: Timestamp(nanoseconds: try row.int8(5)),
            executionAt: Timestamp(nanoseconds: try row.int8(6)),
            closeAt: closeAt == .distantFuture ? nil : closeAt,
            historyLength: try row.int8(8), historySizeBytes: try row.int8(9),
            stateTransitionCount: try row.int8(10),
            parentWorkflowID: try row.optionalText(11), parentRunID: try row.optionalText(12),
            rootWorkflowID: try row.text(13), rootRunID: try row.text(14),
            searchAttributes: try StoredAttributes.decode(
                row.isNull(15) ? nil : try row.jsonb(15)),
            memo: try row.bytea(16), searchAttributePayloads: try row.bytea(17))
    }
}

extension SearchAttributeValue {
    /// A value as it is grouped by; nil if there is none.
    fileprivate init?(
        _ row: SQLRow, _ index: Int32, of column: VisibilityColumn
    ) throws(StoreError) {
        if row.isNull(index) { return nil }
        self =
            switch column.type {
            case .keyword: .keyword(try row.text(index))
            case .text: .text(try row.text(index))
            case .int: .int(try row.int8(index))
            case .double: .double(Double(orderedBits: try row.int8(index)))
            case .bool: .bool(try row.int8(index) != 0)
            case .datetime: .datetime(Timestamp(nanoseconds: try row.int8(index)))
            case .keywordList:
                .keywordList(
                    try AttributeJSON.decodeList(try row.jsonb(index)).map(SQLText.unescaped))
            }
    }
}
