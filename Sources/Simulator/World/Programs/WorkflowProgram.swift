import Primitives
import TemporalAPI

/// A workflow made from a seed, whose result is known before it runs.
///
/// It is a chain of parts; each ends with continue-as-new, the last as its ``ending`` says.
package struct WorkflowProgram: Equatable, Sendable {
    package let seed: UInt64
    package let parts: [[ProgramStep]]
    /// How many signals its client sends; the last step waits for all of them.
    package let signalCount: Int
    package let ending: ProgramEnding
    /// How long its first workflow task waits.
    package let startDelay: Duration?

    package static let startToCloseTimeout = Duration.seconds(15)

    /// The program of `seed`: the same one in the client, the worker and the checker.
    package init(seed: UInt64) {
        var random = SeededGenerator(seed)
        let ending = ProgramEnding.draw(using: &random)
        let signalCount = ending.forbidsSignals ? 0 : Int.random(in: 0...6, using: &random)
        var parts: [[ProgramStep]] = []
        // A run timeout is each run's own, so that only a single run has a known end.
        let partCount = ending.runTimeout == nil ? Int.random(in: 1...3, using: &random) : 1
        for _ in 0..<partCount {
            let count = Int.random(in: 1...5, using: &random)
            parts.append((0..<count).map { _ in ProgramStep.draw(signalCount, using: &random) })
        }
        parts[parts.count - 1].append(.signals(signalCount))
        self.seed = seed
        self.signalCount = signalCount
        self.parts = parts
        self.ending = ending
        self.startDelay =
            Int.random(in: 0..<6, using: &random) == 0
            ? .milliseconds(Int64.random(in: 1...30_000, using: &random)) : nil
    }

    /// The names of the signals its client sends.
    package var signals: [String] { (0..<self.signalCount).map { "signal-\($0)" } }

    /// What it says at its end if the server does its job.
    package var result: String {
        let outcomes = self.parts.flatMap { $0 }.flatMap(\.outcomes)
        return Self.result(outcomes: outcomes, signals: Set(self.signals))
    }

    /// Its end, as ``ProgramEnd`` names it.
    package var end: ProgramEnd {
        switch self.ending {
        case .completes, .succeeds: ProgramEnd(.completed, self.result)
        case .fails, .exhausts: ProgramEnd(.failed, self.result)
        case .isCanceled: ProgramEnd(.canceled, self.result)
        case .isTerminated: ProgramEnd(.terminated, "the program says so")
        case .timesOut: ProgramEnd(.timedOut, "")
        }
    }

    static func result(outcomes: [String], signals: Set<String>) -> String {
        "outcomes: \(outcomes.joined(separator: ", ")); signals: "
            + signals.sorted().joined(separator: ", ")
    }

    /// How long it may take when nothing goes wrong and every signal has been sent.
    package var durationMax: Duration {
        let parts = self.parts.map { $0.reduce(.zero) { $0 + $1.durationMax } }
        // Only the last part is tried again.
        let again = (parts.last ?? .zero) * ((self.ending.attemptsMax ?? 1) - 1)
        return parts.reduce(.zero, +) + again + (self.ending.runTimeout ?? .zero)
            + (self.startDelay ?? .zero) + .seconds(60)
    }
}
