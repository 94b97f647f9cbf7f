import Persistence
import PersistenceSQL
import Primitives

/// A filter as a condition of SQL, true or false and never null.
///
/// The text depends on the filter's shape only: every literal and every attribute name is bound.
struct VisibilitySQL {
    private(set) var values: [SQLiteValue] = []

    /// The condition for `filter`; its parameters are appended to ``values``.
    mutating func condition(_ filter: VisibilityFilter) -> String {
        switch filter {
        case .all: "1"
        case .compare(let column, let comparison, let literal):
            self.compare(column, comparison, literal)
        case .isIn(let column, let literals): self.isIn(column, literals)
        case .between(let column, let low, let high): self.between(column, low, high)
        case .startsWith(let column, let prefix): self.startsWith(column, prefix)
        case .isNull(let column): self.isNull(column)
        case .and(let left, let right):
            "(\(self.condition(left)) AND \(self.condition(right)))"
        case .or(let left, let right):
            "(\(self.condition(left)) OR \(self.condition(right)))"
        case .not(let filter): "(NOT \(self.condition(filter)))"
        }
    }

    /// The condition for rows that lists show strictly behind `position`.
    mutating func isBehind(_ position: VisibilityQuery.Position) -> String {
        let closeAt = SQLiteValue.integer(position.closeAt.nanoseconds)
        let startAt = SQLiteValue.integer(position.startAt.nanoseconds)
        // The first comparison is the one an index can answer.
        let notBefore = "close_at <= \(self.bind(closeAt))"
        let later = "close_at < \(self.bind(closeAt)) OR start_at < \(self.bind(startAt))"
        let sameStart = "start_at = \(self.bind(startAt))"
        let runID = self.bind(.text(position.runID.rawValue))
        return "(\(notBefore) AND (\(later) OR (\(sameStart) AND run_id > \(runID))))"
    }

    /// Binds a value.
    /// - Returns: the parameter that stands for it.
    mutating func bind(_ value: SQLiteValue) -> String {
        self.values.append(value)
        return "?\(self.values.count)"
    }

    /// The stored values of a column, as they are grouped by.
    mutating func grouping(_ column: VisibilityColumn) -> String {
        switch column {
        case .searchAttribute(let name, let type):
            self.extract(AttributeJSON.path(name, type, forComparison: false))
        case .closeTime: "nullif(close_at, \(Self.never))"
        default: self.scalar(column)
        }
    }

    private mutating func compare(
        _ column: VisibilityColumn, _ comparison: VisibilityFilter.Comparison,
        _ literal: SearchAttributeValue
    ) -> String {
        switch (column.operand(literal), comparison) {
        case (nil, _): return "0"
        case (.tokens(let words)?, .equal): return self.contains(column, anyOf: words)
        case (.tokens(let words)?, .notEqual): return self.lacks(column, words)
        case (.string(let text)?, .equal) where column.type == .keywordList:
            return self.contains(column, anyOf: [text])
        case (.string(let text)?, .notEqual) where column.type == .keywordList:
            return self.lacks(column, [text])
        case (.tokens?, _), (.list?, _): return "0"
        case (.string?, _) where column.type == .keywordList: return "0"
        case (let operand?, _):
            let left = self.scalar(column)
            return self.known(column, "\(left) \(comparison.sql) \(self.bind(operand))")
        }
    }

    private mutating func isIn(
        _ column: VisibilityColumn, _ literals: [SearchAttributeValue]
    ) -> String {
        let operands = literals.compactMap { column.operand($0) }
        if operands.isEmpty { return "0" }
        if column.isSet {
            let elements = operands.flatMap { operand -> [String] in
                switch operand {
                case .string(let text): [text]
                case .tokens(let words), .list(let words): words
                case .number: []
                }
            }
            return self.contains(column, anyOf: elements)
        }
        let left = self.scalar(column)
        let list = operands.map { self.bind($0) }.joined(separator: ", ")
        return self.known(column, "\(left) IN (\(list))")
    }

    private mutating func between(
        _ column: VisibilityColumn, _ low: SearchAttributeValue, _ high: SearchAttributeValue
    ) -> String {
        guard !column.isSet, let low = column.operand(low), let high = column.operand(high) else {
            return "0"
        }
        let left = self.scalar(column)
        let lowest = self.bind(low), highest = self.bind(high)
        return self.known(column, "\(left) BETWEEN \(lowest) AND \(highest)")
    }

    /// As a range, which an index can answer.
    private mutating func startsWith(_ column: VisibilityColumn, _ prefix: String) -> String {
        guard column.type == .keyword else { return "0" }
        let start = "\(self.scalar(column)) >= \(self.bind(.text(prefix)))"
        guard let end = endOfStrings(startingWith: prefix) else {
            return self.known(column, start)
        }
        let rest = "\(self.scalar(column)) < \(self.bind(.text(end)))"
        return self.known(column, "(\(start) AND \(rest))")
    }

    private mutating func isNull(_ column: VisibilityColumn) -> String {
        switch column {
        case .closeTime: "(close_at = \(Self.never))"
        case .searchAttribute(let name, let type):
            "(\(self.extract(AttributeJSON.path(name, type, forComparison: false))) IS NULL)"
        default: "(\(self.scalar(column)) IS NULL)"
        }
    }

    private mutating func contains(_ column: VisibilityColumn, anyOf elements: [String]) -> String {
        guard case .searchAttribute(let name, let type) = column, !elements.isEmpty else {
            return "0"
        }
        let path = AttributeJSON.path(name, type, forComparison: true)
        let source = "json_each(search_attributes, \(self.bind(.text(path))))"
        let list = elements.map { self.bind(.text($0)) }.joined(separator: ", ")
        return "EXISTS (SELECT 1 FROM \(source) WHERE value IN (\(list)))"
    }

    private mutating func lacks(_ column: VisibilityColumn, _ elements: [String]) -> String {
        "(NOT \(self.isNull(column)) AND NOT \(self.contains(column, anyOf: elements)))"
    }

    private mutating func extract(_ path: String) -> String {
        "json_extract(search_attributes, \(self.bind(.text(path))))"
    }

    private mutating func bind(_ operand: VisibilityOperand) -> String {
        switch operand {
        case .number(let number): self.bind(.integer(number))
        case .string(let text): self.bind(.text(text))
        case .tokens, .list: invariantFailure("several values for one parameter")
        }
    }

    /// Makes a comparison false where the column has no value.
    private func known(_ column: VisibilityColumn, _ condition: String) -> String {
        column.isOptional ? "ifnull(\(condition), 0)" : "(\(condition))"
    }

    private static let never = Timestamp.distantFuture.nanoseconds

    private mutating func scalar(_ column: VisibilityColumn) -> String {
        switch column {
        case .workflowID: "workflow_id"
        case .runID: "run_id"
        case .workflowType: "workflow_type"
        case .taskQueue: "task_queue"
        case .status: "status"
        case .startTime: "start_at"
        case .executionTime: "execution_at"
        case .closeTime: "close_at"
        case .historyLength: "history_length"
        case .historySizeBytes: "history_size_bytes"
        case .stateTransitionCount: "state_transition_count"
        case .executionDuration: "(nullif(close_at, \(Self.never)) - execution_at)"
        case .parentWorkflowID: "parent_workflow_id"
        case .parentRunID: "parent_run_id"
        case .rootWorkflowID: "root_workflow_id"
        case .rootRunID: "root_run_id"
        case .namespaceDivision: "division"
        case .searchAttribute(let name, let type):
            self.extract(AttributeJSON.path(name, type, forComparison: true))
        }
    }
}

extension VisibilityColumn {
    /// Whether a run may have no value.
    fileprivate var isOptional: Bool {
        switch self {
        case .workflowID, .runID, .workflowType, .taskQueue, .status, .startTime, .executionTime,
            .closeTime, .historyLength, .historySizeBytes, .stateTransitionCount, .rootWorkflowID,
            .rootRunID:
            false
        case .executionDuration, .parentWorkflowID, .parentRunID, .namespaceDivision,
            .searchAttribute:
            true
        }
    }
}
