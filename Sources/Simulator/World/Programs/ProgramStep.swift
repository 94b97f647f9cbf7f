import Primitives

/// One thing a program does before it goes on.
package enum ProgramStep: Equatable, Sendable {
    case activity(ActivityScript)
    case timer(Duration)
    /// An activity and a timer at once; goes on when both are over.
    case both(ActivityScript, Duration)
    /// Waits until this many different signals have arrived in the whole chain.
    case signals(Int)
    /// Records a marker.
    case marker
    /// Sets a search attribute.
    case attribute(String)
    /// Sets a field of the memo.
    case memo(String)
    /// Two timers; when the first has fired, the second is cancelled, unless it has fired too.
    case race(Duration, Duration)
    /// An activity that is asked to cancel itself after a while.
    case cancelled(ActivityScript, after: Duration)

    static func draw(_ signalCount: Int, using random: inout SeededGenerator) -> Self {
        switch Int.random(in: 0..<24, using: &random) {
        case 0..<7: .activity(.draw(using: &random))
        case 7..<10: .timer(.drawTimer(using: &random))
        case 10..<13: .both(.draw(using: &random), .drawTimer(using: &random))
        case 13: .marker
        case 14: .attribute("user-\(Int.random(in: 0...9, using: &random))")
        case 15: .memo("note-\(Int.random(in: 0...9, using: &random))")
        case 16..<18: .drawRace(using: &random)
        case 18..<21: .drawCancelled(using: &random)
        default: .signals(Int.random(in: 0...signalCount, using: &random))
        }
    }

    private static func drawRace(using random: inout SeededGenerator) -> Self {
        let first = Duration.milliseconds(Int64.random(in: 1...5_000, using: &random))
        // Close together, the second may fire while the worker decides to cancel it.
        let between: Duration =
            Bool.random(using: &random)
            ? .milliseconds(Int64.random(in: 0...100, using: &random)) : .seconds(86_400)
        return .race(first, first + between)
    }

    private static func drawCancelled(using random: inout SeededGenerator) -> Self {
        let after = Duration.milliseconds(Int64.random(in: 0...6_000, using: &random))
        return .cancelled(.drawToBeCancelled(using: &random), after: after)
    }

    /// What it adds to the workflow's result.
    var outcomes: [String] {
        switch self {
        case .activity(let script), .both(let script, _): [script.outcome]
        // How a cancelled activity ends depends on who is faster.
        case .cancelled: ["stopped"]
        case .timer, .signals, .marker, .attribute, .memo, .race: []
        }
    }

    /// How long it may take when nothing goes wrong.
    var durationMax: Duration {
        // Each attempt may end with its timeout, and each step needs a workflow task or two.
        let slack = Duration.seconds(60)
        func attempts(of script: ActivityScript) -> Duration {
            (WorkflowProgram.startToCloseTimeout + script.retryIntervalMax) * script.attemptCount
        }
        return switch self {
        case .activity(let script): attempts(of: script) + slack
        case .timer(let duration): duration + slack
        case .both(let script, let duration): attempts(of: script) + duration + slack
        case .race(let first, _): first + slack
        case .cancelled(let script, let after): attempts(of: script) + after + slack
        case .signals, .marker, .attribute, .memo: slack
        }
    }
}

extension Duration {
    fileprivate static func drawTimer(using random: inout SeededGenerator) -> Duration {
        switch Int.random(in: 0..<100, using: &random) {
        case 0: .seconds(Int64.random(in: 3_600...86_400, using: &random))
        case 1..<25: .seconds(Int64.random(in: 60...900, using: &random))
        default: .milliseconds(Int64.random(in: 1...10_000, using: &random))
        }
    }
}
