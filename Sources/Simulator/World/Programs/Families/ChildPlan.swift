import Primitives
import TemporalAPI

/// A child that a parent starts: how it ends, and what its parent's end means to it.
package struct ChildPlan: Equatable, Sendable {
    package typealias ClosePolicy = Temporal_Api_Enums_V1_ParentClosePolicy

    /// Whether its workflow id is used a second time, once it has ended.
    package enum Second: Equatable, Sendable { case none, isStarted, isRefused }

    package let script: ChildScript
    package let closePolicy: ClosePolicy
    package let second: Second
    /// Whether requests to it are meant for this parent's child and nobody else.
    package let isAskedAsChild: Bool
    /// Whether requests to it name its run.
    package let isAskedByRun: Bool

    static func draw(using random: inout SeededGenerator) -> ChildPlan {
        let policies: [ClosePolicy] = [.unspecified, .terminate, .requestCancel, .abandon]
        let script = ChildScript.draw(using: &random)
        let second: Second =
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where script != .exists: .isStarted
            case 1 where script != .exists: .isRefused
            default: .none
            }
        return ChildPlan(
            script: script,
            closePolicy: policies[Int.random(in: 0..<policies.count, using: &random)],
            second: script == .isLeft ? .none : second,
            isAskedAsChild: Bool.random(using: &random), isAskedByRun: Bool.random(using: &random))
    }

    /// What its parent sees of it at the end.
    var outcome: String {
        switch self.second {
        case .none: self.script.outcome
        case .isStarted: "\(self.script.outcome), then completed: done"
        case .isRefused: "\(self.script.outcome), then refused"
        }
    }
}

/// What a child does.
package enum ChildScript: Equatable, Sendable {
    case completes(after: Duration)
    case fails(after: Duration)
    /// Does nothing until its time is up.
    case timesOut(after: Duration)
    /// Completes in the run that follows this many others.
    case continues(runs: Int)
    /// Fails this many times, is tried again each time, then completes.
    case isRetried(failures: Int)
    /// Waits for its parent's signals, which are this many and one that ends it.
    case isSignaled(count: Int)
    /// Waits until its parent asks it to cancel itself.
    case isCanceled
    /// Waits until somebody terminates it.
    case isTerminated
    /// Waits, and its parent does not wait for it.
    case isLeft
    /// Cannot be started, since its workflow id is taken.
    case exists

    static func draw(using random: inout SeededGenerator) -> ChildScript {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<3: .completes(after: .drawShort(using: &random))
        case 3..<5: .fails(after: .drawShort(using: &random))
        case 5..<7: .timesOut(after: .drawShort(using: &random))
        case 7: .continues(runs: Int.random(in: 1...3, using: &random))
        case 8: .isRetried(failures: Int.random(in: 1...3, using: &random))
        case 9..<12: .isSignaled(count: Int.random(in: 0...3, using: &random))
        case 12..<14: .isCanceled
        case 14..<16: .isTerminated
        case 16..<19: .isLeft
        default: .exists
        }
    }

    /// Whether somebody else ends it.
    package var waits: Bool {
        switch self {
        case .isSignaled, .isCanceled, .isTerminated, .isLeft: true
        case .completes, .fails, .timesOut, .continues, .isRetried, .exists: false
        }
    }

    /// What its parent sees of it at the end.
    var outcome: String {
        switch self {
        case .completes, .continues, .isRetried, .isSignaled: "completed: done"
        case .fails: "failed: fail"
        case .timesOut: "timed out"
        case .isCanceled: "canceled"
        case .isTerminated: "terminated"
        case .isLeft: "left"
        case .exists: "refused"
        }
    }
}

extension ChildScript {
    /// Its form as a workflow's input.
    package var text: String {
        switch self {
        case .completes(let duration): "completes \(duration.nanoseconds)"
        case .fails(let duration): "fails \(duration.nanoseconds)"
        case .timesOut(let duration): "timesOut \(duration.nanoseconds)"
        case .continues(let runs): "continues \(runs)"
        case .isRetried(let failures): "isRetried \(failures)"
        case .isSignaled(let count): "isSignaled \(count)"
        case .isCanceled: "isCanceled 0"
        case .isTerminated: "isTerminated 0"
        case .isLeft: "isLeft 0"
        case .exists: "exists 0"
        }
    }

    package init?(text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, let number = Int(words[1]) else { return nil }
        switch words[0] {
        case "completes": self = .completes(after: .nanoseconds(number))
        case "fails": self = .fails(after: .nanoseconds(number))
        case "timesOut": self = .timesOut(after: .nanoseconds(number))
        case "continues": self = .continues(runs: number)
        case "isRetried": self = .isRetried(failures: number)
        case "isSignaled": self = .isSignaled(count: number)
        case "isCanceled": self = .isCanceled
        case "isTerminated": self = .isTerminated
        case "isLeft": self = .isLeft
        case "exists": self = .exists
        default: return nil
        }
    }
}

extension Duration {
    fileprivate static func drawShort(using random: inout SeededGenerator) -> Duration {
        Int.random(in: 0..<8, using: &random) == 0
            ? .seconds(Int64.random(in: 10...90, using: &random))
            : .milliseconds(Int64.random(in: 1...5_000, using: &random))
    }
}
