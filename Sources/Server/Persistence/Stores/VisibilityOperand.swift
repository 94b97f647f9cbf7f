import Primitives

/// A value in the form stores compare it in, so that all of them answer a filter alike.
///
/// Strings compare by their UTF-8 bytes. Doubles are numbers by ``Swift/Double/orderedBits``.
package enum VisibilityOperand: Sendable, Hashable {
    case number(Int64)
    case string(String)
    /// Words; equal to a text that has any of them.
    case tokens([String])
    /// Equal to each of its elements.
    case list([String])
}

extension VisibilityColumn {
    /// The type its values have.
    package var type: SearchAttributeType {
        switch self {
        case .workflowID, .runID, .workflowType, .taskQueue, .parentWorkflowID, .parentRunID,
            .rootWorkflowID, .rootRunID, .namespaceDivision:
            .keyword
        case .status, .historyLength, .historySizeBytes, .stateTransitionCount, .executionDuration:
            .int
        case .startTime, .executionTime, .closeTime: .datetime
        case .searchAttribute(_, let type): type
        }
    }

    /// A filter's literal in the form values of this column are compared in.
    /// - Returns: nil if no value of this column's type is comparable with it.
    package func operand(_ literal: SearchAttributeValue) -> VisibilityOperand? {
        switch (self.type, literal) {
        case (.keyword, .keyword(let text)), (.keyword, .text(let text)),
            (.keywordList, .keyword(let text)), (.keywordList, .text(let text)):
            .string(text)
        case (.text, .keyword(let text)), (.text, .text(let text)): .tokens(searchTokens(text))
        case (.int, .int(let number)), (.datetime, .int(let number)): .number(number)
        case (.int, .double(let number)): Int64(exactly: number).map { .number($0) }
        case (.double, .double(let number)): .number(number.orderedBits)
        case (.double, .int(let number)): .number(Double(number).orderedBits)
        case (.datetime, .datetime(let time)): .number(time.nanoseconds)
        case (.bool, .bool(let flag)): .number(flag ? 1 : 0)
        default: nil
        }
    }
}

extension VisibilityRecord {
    /// Whether the run is still open.
    package var isOpen: Bool { self.closeAt == nil }

    /// This run's value in `column`; nil if it has none, or one of another type.
    package func value(of column: VisibilityColumn) -> SearchAttributeValue? {
        switch column {
        case .workflowID: .keyword(self.key.workflowID.rawValue)
        case .runID: .keyword(self.key.runID.rawValue)
        case .workflowType: .keyword(self.workflowType)
        case .taskQueue: .keyword(self.taskQueue)
        case .status: .int(Int64(self.status))
        case .startTime: .datetime(self.startAt)
        case .executionTime: .datetime(self.executionAt)
        case .closeTime: self.closeAt.map { .datetime($0) }
        case .historyLength: .int(self.historyLength)
        case .historySizeBytes: .int(self.historySizeBytes)
        case .stateTransitionCount: .int(self.stateTransitionCount)
        case .executionDuration:
            self.closeAt.map { .int($0.nanoseconds &- self.executionAt.nanoseconds) }
        case .parentWorkflowID: self.parentWorkflowID.map { .keyword($0) }
        case .parentRunID: self.parentRunID.map { .keyword($0) }
        case .rootWorkflowID: .keyword(self.rootWorkflowID)
        case .rootRunID: .keyword(self.rootRunID)
        case .namespaceDivision: self.division.map { .keyword($0) }
        case .searchAttribute(let name, let type):
            self.searchAttributes[name].flatMap { $0.type == type ? $0 : nil }
        }
    }
}

extension SearchAttributeValue {
    package var type: SearchAttributeType {
        switch self {
        case .keyword: .keyword
        case .text: .text
        case .int: .int
        case .double: .double
        case .bool: .bool
        case .datetime: .datetime
        case .keywordList: .keywordList
        }
    }

    /// This value as the left side of a comparison.
    package var operand: VisibilityOperand {
        switch self {
        case .keyword(let text): .string(text)
        case .text(let text): .tokens(searchTokens(text))
        case .int(let number): .number(number)
        case .double(let number): .number(number.orderedBits)
        case .bool(let flag): .number(flag ? 1 : 0)
        case .datetime(let time): .number(time.nanoseconds)
        case .keywordList(let elements): .list(elements)
        }
    }

    /// The order of groups: numbers by size, strings by their bytes, lists element by element.
    package static func precedes(_ left: Self, _ right: Self) -> Bool {
        switch (left, right) {
        case (.text(let left), .text(let right)): return precedesInBytes(left, right)
        case (.keywordList(let left), .keywordList(let right)):
            return left.lexicographicallyPrecedes(right, by: precedesInBytes)
        default: break
        }
        return switch (left.operand, right.operand) {
        case (.number(let left), .number(let right)): left < right
        case (.string(let left), .string(let right)): precedesInBytes(left, right)
        default: left.type.rawValue < right.type.rawValue
        }
    }
}

extension Double {
    /// An integer that orders as this number does; both zeros are one, NaN is above all.
    package var orderedBits: Int64 {
        let bits = Int64(bitPattern: self == 0 ? 0 : self.bitPattern)
        return bits >= 0 ? bits : bits ^ .max
    }

    package init(orderedBits: Int64) {
        self.init(
            bitPattern: UInt64(bitPattern: orderedBits >= 0 ? orderedBits : orderedBits ^ .max))
    }
}

/// Whether the UTF-8 bytes of `left` come before those of `right`.
package func precedesInBytes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
}

/// Whether two strings have the same UTF-8 bytes; `==` takes canonically equivalent ones as equal.
package func sameBytes(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
}

/// The words of a text, in lower case, each once, sorted; letters and digits make words.
package func searchTokens(_ text: String) -> [String] {
    let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }
    var tokens: [String] = []
    for word in words.map(String.init).sorted(by: precedesInBytes) {
        if let last = tokens.last, sameBytes(last, word) { continue }
        tokens.append(word)
    }
    return tokens
}
