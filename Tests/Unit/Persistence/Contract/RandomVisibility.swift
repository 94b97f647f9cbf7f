import Persistence
import Primitives

/// Draws visibility rows and filters from few values, so that they meet.
struct RandomVisibility {
    private static let strings = [
        "", "a", "ab", "abc", "b", "B c", "a,b C", "é", "\u{1F600}x", "\u{10FFFF}", "100%_", "1",
    ]
    private static let numbers: [Int64] = [.min, -7, -1, 0, 1, 2, 3, 1 << 60, .max - 1]
    private static let doubles = [-Double.infinity, -1.5, -0.0, 0, 0.1, 1, 3, 1e300, .infinity]
    private static let names = ["One", "Two", "odd \"name\" %"]

    private var random: SeededGenerator

    init(seed: UInt64) { self.random = SeededGenerator(seed) }

    mutating func draw<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self.random)]
    }

    mutating func chance(of one: Int) -> Bool {
        Int.random(in: 0..<one, using: &self.random) == 0
    }

    mutating func record(_ index: Int) -> VisibilityRecord {
        var attributes: [String: SearchAttributeValue] = [:]
        for name in Self.names where self.chance(of: 2) {
            let type = self.draw(SearchAttributeType.allCases)
            attributes[name] = self.value(type)
        }
        var record = VisibilityRecord(
            key(self.draw(Self.strings), "r\(index)"), type: self.draw(Self.strings),
            status: Int32(self.draw([1, 2, 3])), start: self.draw([0, 1, 2, 3]),
            close: self.chance(of: 2) ? self.draw([1, 2, 3]) : nil, attributes: attributes)
        record.executionAt = at(self.draw([0, 1, 2]))
        record.historyLength = self.draw([1, 2, 3])
        record.division = self.chance(of: 2) ? self.draw(Self.strings) : nil
        record.parentWorkflowID = self.chance(of: 2) ? self.draw(Self.strings) : nil
        return record
    }

    mutating func position(in records: [VisibilityRecord]) -> VisibilityQuery.Position {
        let record = self.draw(records)
        return VisibilityQuery.Position(
            closeAt: record.closeAt ?? .distantFuture, startAt: record.startAt,
            runID: record.key.runID)
    }

    private mutating func value(_ type: SearchAttributeType) -> SearchAttributeValue {
        switch type {
        case .text: .text(self.draw(Self.strings))
        case .keyword: .keyword(self.draw(Self.strings))
        case .int: .int(self.draw(Self.numbers))
        case .double: .double(self.draw(Self.doubles))
        case .bool: .bool(self.chance(of: 2))
        case .datetime: .datetime(at(self.draw(Self.numbers)))
        case .keywordList:
            .keywordList(
                (0..<Int.random(in: 0...3, using: &self.random)).map { _ in
                    self.draw(Self.strings)
                })
        }
    }

    mutating func column() -> VisibilityColumn {
        self.chance(of: 2)
            ? .searchAttribute(
                name: self.draw(Self.names), type: self.draw(SearchAttributeType.allCases))
            : self.draw([
                .workflowID, .runID, .workflowType, .taskQueue, .status, .startTime,
                .executionTime, .closeTime, .historyLength, .historySizeBytes,
                .stateTransitionCount, .executionDuration, .parentWorkflowID, .parentRunID,
                .rootWorkflowID, .rootRunID, .namespaceDivision,
            ])
    }

    /// A literal that mostly fits the column.
    private mutating func literal(_ column: VisibilityColumn) -> SearchAttributeValue {
        if self.chance(of: 8) { return self.value(self.draw(SearchAttributeType.allCases)) }
        return switch column.type {
        case .keywordList: .keyword(self.draw(Self.strings))
        case let type: self.value(type)
        }
    }

    mutating func filter(depth: Int) -> VisibilityFilter {
        if depth > 0 && !self.chance(of: 3) {
            let left = self.filter(depth: depth - 1)
            switch Int.random(in: 0..<3, using: &self.random) {
            case 0: return .and(left, self.filter(depth: depth - 1))
            case 1: return .or(left, self.filter(depth: depth - 1))
            default: return .not(left)
            }
        }
        let column = self.column()
        switch Int.random(in: 0..<7, using: &self.random) {
        case 0: return .all
        case 1: return .isNull(column)
        case 2: return .isIn(column, (0..<3).map { _ in self.literal(column) })
        case 3: return .between(column, self.literal(column), self.literal(column))
        case 4: return .startsWith(column, self.draw(Self.strings))
        default:
            let comparison = self.draw([
                VisibilityFilter.Comparison.equal, .notEqual, .less, .lessOrEqual, .greater,
                .greaterOrEqual,
            ])
            return .compare(column, comparison, self.literal(column))
        }
    }
}
