import Primitives

/// A workflow made from a seed, whose result is known before it runs.
///
/// It is a chain of parts; each ends with continue-as-new, the last with its result.
package struct WorkflowProgram: Equatable, Sendable {
    package enum Step: Equatable, Sendable {
        case activity(ActivityScript)
        case timer(Duration)
        /// An activity and a timer at once; goes on when both are over.
        case both(ActivityScript, Duration)
        /// Waits until this many different signals have arrived in the whole chain.
        case signals(Int)
    }

    package let seed: UInt64
    package let parts: [[Step]]
    /// How many signals its client sends; the last step waits for all of them.
    package let signalCount: Int

    package static let startToCloseTimeout = Duration.seconds(15)
    package static let retryIntervalInitial = Duration.milliseconds(500)
    package static let retryIntervalMax = Duration.seconds(5)

    /// The program of `seed`: the same one in the client, the worker and the checker.
    package init(seed: UInt64) {
        var random = SeededGenerator(seed)
        let signalCount = Int.random(in: 0...6, using: &random)
        var parts: [[Step]] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let count = Int.random(in: 1...5, using: &random)
            parts.append((0..<count).map { _ in Step.draw(signalCount, using: &random) })
        }
        parts[parts.count - 1].append(.signals(signalCount))
        self.seed = seed
        self.signalCount = signalCount
        self.parts = parts
    }

    /// The names of the signals its client sends.
    package var signals: [String] { (0..<self.signalCount).map { "signal-\($0)" } }

    /// What it ends with if the server does its job.
    package var result: String {
        let outcomes = self.parts.flatMap { $0 }.flatMap(\.outcomes)
        return Self.result(outcomes: outcomes, signals: Set(self.signals))
    }

    static func result(outcomes: [String], signals: Set<String>) -> String {
        "outcomes: \(outcomes.joined(separator: ", ")); signals: "
            + signals.sorted().joined(separator: ", ")
    }

    /// How long it may take when nothing goes wrong and every signal has been sent.
    package var durationMax: Duration {
        self.parts.flatMap { $0 }.reduce(.zero) { $0 + $1.durationMax }
    }
}

extension WorkflowProgram.Step {
    static func draw(_ signalCount: Int, using random: inout SeededGenerator) -> Self {
        switch Int.random(in: 0..<8, using: &random) {
        case 0..<3: .activity(.draw(using: &random))
        case 3..<5: .timer(.drawTimer(using: &random))
        case 5: .both(.draw(using: &random), .drawTimer(using: &random))
        default: .signals(Int.random(in: 0...signalCount, using: &random))
        }
    }

    /// What it adds to the workflow's result.
    var outcomes: [String] {
        switch self {
        case .activity(let script), .both(let script, _): [script.outcome]
        case .timer, .signals: []
        }
    }

    var durationMax: Duration {
        // Each attempt may end with its timeout, and each step needs a workflow task or two.
        let slack = Duration.seconds(60)
        let attempt = WorkflowProgram.startToCloseTimeout + WorkflowProgram.retryIntervalMax
        return switch self {
        case .activity(let script): attempt * script.attemptCount + slack
        case .timer(let duration): duration + slack
        case .both(let script, let duration): attempt * script.attemptCount + duration + slack
        case .signals: slack
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
