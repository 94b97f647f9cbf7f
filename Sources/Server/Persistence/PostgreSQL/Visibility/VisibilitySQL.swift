import Persistence
import PersistenceSQL
import Primitives

/// A filter as a condition of SQL.
///
/// Null counts as false, which it does at the top, and between AND and OR; a negation takes null
/// for false, so that nothing needs to be wrapped where an index could help. The text depends on
/// the filter's shape only: every literal and every attribute name is bound.
struct VisibilitySQL {
    private(set) var parameters: [SQLParameter] = []

    /// The condition for `filter`; its parameters are appended to ``parameters``.
    mutating func condition(_ filter: VisibilityFilter) -> String {
        switch filter {
        case .all: "true"
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
        case .not(.isNull(.namespaceDivision)): "(division IS NOT NULL)"
        case .not(let filter): "((\(self.condition(filter))) IS NOT TRUE)"
        }
    }

    /// The condition for rows that lists show strictly behind `position`.
    mutating func isBehind(_ position: VisibilityQuery.Position) -> String {
        let closeAt = self.bind(.int8(position.closeAt.nanoseconds))
        let startAt = self.bind(.int8(position.startAt.nanoseconds))
        let runID = self.bind(.text(position.runID.rawValue))
        // The first comparison is the one an index can answer.
        return "(close_at <= \(closeAt) AND (close_at < \(closeAt) OR start_at < \(startAt) "
            + "OR (start_at = \(startAt) AND run_id > \(runID))))"
    }

    /// Binds a value.
    /// - Returns: the parameter that stands for it.
    mutating func bind(_ value: SQLParameter) -> String {
        self.parameters.append(value)
        return "$\(self.parameters.count)"
    }

    /// The stored values of a column, as they are grouped by.
    mutating func grouping(_ column: VisibilityColumn) -> String {
        switch column {
        case .searchAttribute(let name, .keywordList):
            self.member(name, AttributeJSON.member(.keywordList))
        case .closeTime: "nullif(close_at, \(Self.never))"
        case .status: "status::int8"
        default: self.scalar(column)
        }
    }

    private mutating func compare(
        _ column: VisibilityColumn, _ comparison: VisibilityFilter.Comparison,
        _ literal: SearchAttributeValue
    ) -> String {
        guard let operand = column.operand(literal) else { return "false" }
        if column.isSet {
            switch comparison {
            case .equal: return self.equals(column, anyOf: [operand])
            case .notEqual:
                return "(NOT \(self.isNull(column)) "
                    + "AND \(self.equals(column, anyOf: [operand])) IS NOT TRUE)"
            case .less, .lessOrEqual, .greater, .greaterOrEqual: return "false"
            }
        }
        if case .searchAttribute = column, comparison == .equal {
            return self.equals(column, anyOf: [operand])
        }
        return "(\(self.scalar(column)) \(comparison.sql) \(self.bind(operand)))"
    }

    private mutating func isIn(
        _ column: VisibilityColumn, _ literals: [SearchAttributeValue]
    ) -> String {
        let operands = literals.compactMap { column.operand($0) }
        if operands.isEmpty { return "false" }
        if case .searchAttribute = column { return self.equals(column, anyOf: operands) }
        let left = self.scalar(column)
        return "(\(left) IN (\(operands.map { self.bind($0) }.joined(separator: ", "))))"
    }

    private mutating func between(
        _ column: VisibilityColumn, _ low: SearchAttributeValue, _ high: SearchAttributeValue
    ) -> String {
        guard !column.isSet, let low = column.operand(low), let high = column.operand(high) else {
            return "false"
        }
        let left = self.scalar(column)
        let lowest = self.bind(low), highest = self.bind(high)
        return "(\(left) BETWEEN \(lowest) AND \(highest))"
    }

    /// As a range, which an index can answer.
    private mutating func startsWith(_ column: VisibilityColumn, _ prefix: String) -> String {
        guard column.type == .keyword else { return "false" }
        let left = self.scalar(column)
        let start = "\(left) >= \(self.bind(.text(prefix)))"
        // Of the escaped prefix: the end is not the form of a text.
        guard let end = endOfStrings(startingWith: SQLText.escaped(prefix)) else {
            return "(\(start))"
        }
        let bound = SQLParameter(type: .text, bytes: Array(end.utf8))
        return "(\(start) AND \(left) < \(self.bind(bound)))"
    }

    private mutating func isNull(_ column: VisibilityColumn) -> String {
        switch column {
        case .closeTime: "(close_at = \(Self.never))"
        case .searchAttribute(let name, let type):
            "(\(self.member(name, AttributeJSON.member(type))) IS NULL)"
        default: "(\(self.scalar(column)) IS NULL)"
        }
    }

    /// Whether an attribute contains one of the values, each in a form the index answers.
    private mutating func equals(
        _ column: VisibilityColumn, anyOf operands: [VisibilityOperand]
    ) -> String {
        guard case .searchAttribute(let name, let type) = column else { return "false" }
        let values = operands.flatMap { operand -> [VisibilityOperand] in
            switch operand {
            case .number, .string: [operand]
            case .tokens(let words): words.map { .tokens([$0]) }
            case .list(let elements): elements.map { .list([$0]) }
            }
        }
        let parts = values.map { value in
            let json = StoredAttributes.containing(name, type, value)
            return "search_attributes @> \(self.bind(.jsonb(json)))"
        }
        return parts.isEmpty ? "false" : "(\(parts.joined(separator: " OR ")))"
    }

    private mutating func member(_ name: String, _ member: String) -> String {
        "(search_attributes -> \(self.bind(SQLParameter(label: name))) -> '\(member)')"
    }

    private mutating func bind(_ operand: VisibilityOperand) -> String {
        switch operand {
        case .number(let number): self.bind(.int8(number))
        case .string(let text): self.bind(.text(text))
        case .tokens, .list: invariantFailure("several values for one parameter")
        }
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
        case .searchAttribute(let name, let type): self.value(name, type)
        }
    }

    private mutating func value(_ name: String, _ type: SearchAttributeType) -> String {
        let label = self.bind(SQLParameter(label: name))
        let member = AttributeJSON.member(type)
        return switch type {
        case .keyword, .text, .keywordList:
            "((search_attributes -> \(label) ->> '\(member)') COLLATE \"C\")"
        case .int, .double, .bool, .datetime:
            "((search_attributes -> \(label) -> '\(member)')::int8)"
        }
    }
}

extension SQLParameter {
    /// The name of an attribute as it stands in the object.
    fileprivate init(label name: String) { self = .text(AttributeJSON.label(name)) }
}
