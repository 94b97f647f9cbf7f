import Persistence
import Primitives

extension VisibilityFilter {
    /// Whether a run is among those this filter asks for.
    func matches(_ record: VisibilityRecord) -> Bool {
        switch self {
        case .all: true
        case .compare(let column, let comparison, let literal):
            record.compares(column, comparison, literal)
        case .isIn(let column, let literals):
            literals.contains { record.compares(column, .equal, $0) }
        case .between(let column, let low, let high):
            record.compares(column, .greaterOrEqual, low)
                && record.compares(column, .lessOrEqual, high)
        case .startsWith(let column, let prefix): record.starts(column, with: prefix)
        case .isNull(let column): record.value(of: column) == nil
        case .and(let left, let right): left.matches(record) && right.matches(record)
        case .or(let left, let right): left.matches(record) || right.matches(record)
        case .not(let filter): !filter.matches(record)
        }
    }
}

extension VisibilityRecord {
    fileprivate func compares(
        _ column: VisibilityColumn, _ comparison: VisibilityFilter.Comparison,
        _ literal: SearchAttributeValue
    ) -> Bool {
        guard let right = column.operand(literal), let left = self.operand(of: column) else {
            return false
        }
        switch (left, right) {
        case (.number(let left), .number(let right)):
            return comparison.holds(isEqual: left == right, isLess: left < right)
        case (.string(let left), .string(let right)):
            return comparison.holds(
                isEqual: sameBytes(left, right), isLess: precedesInBytes(left, right))
        case (.tokens(let left), .tokens(let right)):
            return comparison.holds(
                isEqual: right.contains { word in left.contains { sameBytes($0, word) } })
        case (.list(let left), .string(let right)):
            return comparison.holds(isEqual: left.contains { sameBytes($0, right) })
        default:
            return false
        }
    }

    private func operand(of column: VisibilityColumn) -> VisibilityOperand? {
        if column == .closeTime && self.isOpen {
            return .number(Timestamp.distantFuture.nanoseconds)
        }
        return self.value(of: column)?.operand
    }

    fileprivate func starts(_ column: VisibilityColumn, with prefix: String) -> Bool {
        guard case .keyword(let text)? = self.value(of: column) else { return false }
        return text.utf8.starts(with: prefix.utf8)
    }
}

extension VisibilityFilter.Comparison {
    /// Between values that have an order.
    fileprivate func holds(isEqual: Bool, isLess: Bool) -> Bool {
        switch self {
        case .equal: isEqual
        case .notEqual: !isEqual
        case .less: isLess
        case .lessOrEqual: isLess || isEqual
        case .greater: !isLess && !isEqual
        case .greaterOrEqual: !isLess
        }
    }

    /// Between values that only are equal or not.
    fileprivate func holds(isEqual: Bool) -> Bool {
        switch self {
        case .equal: isEqual
        case .notEqual: !isEqual
        case .less, .lessOrEqual, .greater, .greaterOrEqual: false
        }
    }
}
