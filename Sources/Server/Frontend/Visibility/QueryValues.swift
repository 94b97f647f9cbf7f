import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// What literals of a query mean for attributes of each type.
enum QueryValues {
    static func value(
        _ literal: QueryLiteral, _ type: SearchAttributeType
    ) -> SearchAttributeValue? {
        switch (type, literal) {
        case (.keyword, .string(let text)), (.keywordList, .string(let text)): .keyword(text)
        case (.text, .string(let text)): .text(text)
        case (.int, .int(let number)): .int(number)
        case (.int, .string(let text)): Int64(text).map { .int($0) }
        case (.double, .int(let number)): .double(Double(number))
        case (.double, .double(let number)): .double(number)
        case (.double, .string(let text)):
            Double(text).flatMap { $0.isFinite ? .double($0) : nil }
        case (.bool, .bool(let flag)): .bool(flag)
        case (.bool, .string(let text)): Bool(text.lowercased()).map { .bool($0) }
        case (.datetime, .string(let text)):
            (Timestamp(rfc3339: text) ?? Int64(text).map { Timestamp(nanoseconds: $0) })
                .map { .datetime($0) }
        case (.datetime, .int(let nanoseconds)): .datetime(Timestamp(nanoseconds: nanoseconds))
        case (.keyword, _), (.keywordList, _), (.text, _), (.int, _), (.double, _), (.bool, _),
            (.datetime, _):
            nil
        }
    }

    /// The number of an execution status: `Running`, `TIMED_OUT`, 1.
    static func status(_ literal: QueryLiteral, _ archetype: Archetype) -> Int64? {
        switch archetype {
        case .workflow:
            self.status(literal, WorkflowExecutionStatus.self, prefix: "workflowexecutionstatus")
        case .activity:
            self.status(literal, ActivityExecutionStatus.self, prefix: "activityexecutionstatus")
        }
    }

    private static func status<Status: NamedStatus>(
        _ literal: QueryLiteral, _ type: Status.Type, prefix: String
    ) -> Int64? {
        switch literal {
        case .int(let number):
            return Status.allCases.contains { $0.rawValue == Int(number) } ? number : nil
        case .string(let text):
            var name = text.lowercased().filter { $0 != "_" }
            if name.hasPrefix(prefix) { name = String(name.dropFirst(prefix.count)) }
            let status = Status.allCases.first {
                $0.rawValue != 0 && $0.displayName.lowercased() == name
            }
            return status.map { Int64($0.rawValue) }
        case .double, .bool: return nil
        }
    }

    /// The name of an execution status.
    static func statusName(_ number: Int64, _ archetype: Archetype) -> String {
        let name =
            switch archetype {
            case .workflow: WorkflowExecutionStatus(rawValue: Int(number))?.displayName
            case .activity: ActivityExecutionStatus(rawValue: Int(number))?.displayName
            }
        return name ?? String(number)
    }

    /// Nanoseconds: a number, `1h30m`, `10s`, `3d`, `01:30:00`.
    static func duration(_ literal: QueryLiteral) -> Int64? {
        switch literal {
        case .int(let nanoseconds): return nanoseconds
        case .string(let text):
            if let number = Int64(text) { return number }
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 3 else {
                return Settings.duration(.string(text))?.nanoseconds
            }
            let numbers = parts.compactMap { UInt32($0) }
            guard numbers.count == 3, numbers[0] < 1_000_000, numbers[1] < 60, numbers[2] < 60
            else { return nil }
            let seconds = Int64(numbers[0]) * 3_600 + Int64(numbers[1]) * 60 + Int64(numbers[2])
            return seconds * 1_000_000_000
        case .double, .bool: return nil
        }
    }

    static func text(_ literal: QueryLiteral) -> String {
        switch literal {
        case .string(let text): "'\(text.prefix(100))'"
        case .int(let number): String(number)
        case .double(let number): String(number)
        case .bool(let flag): String(flag)
        }
    }
}

/// An execution status with the name that queries and counts use.
protocol NamedStatus: RawRepresentable<Int>, CaseIterable {
    var displayName: String { get }
}

extension WorkflowExecutionStatus: NamedStatus {
    var displayName: String {
        switch self {
        case .unspecified: "Unspecified"
        case .running: "Running"
        case .completed: "Completed"
        case .failed: "Failed"
        case .canceled: "Canceled"
        case .terminated: "Terminated"
        case .continuedAsNew: "ContinuedAsNew"
        case .timedOut: "TimedOut"
        case .paused: "Paused"
        case .UNRECOGNIZED(let number): String(number)
        }
    }
}

extension ActivityExecutionStatus: NamedStatus {
    var displayName: String {
        switch self {
        case .unspecified: "Unspecified"
        case .running: "Running"
        case .completed: "Completed"
        case .failed: "Failed"
        case .canceled: "Canceled"
        case .terminated: "Terminated"
        case .timedOut: "TimedOut"
        case .paused: "Paused"
        case .UNRECOGNIZED(let number): String(number)
        }
    }
}
