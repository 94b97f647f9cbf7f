import Primitives

/// How a program ends once its steps are over.
package enum ProgramEnding: Equatable, Sendable {
    case completes
    case fails
    /// Fails this many times, is tried again each time, then completes.
    case succeeds(afterFailures: Int)
    /// Fails every time; it may be tried this often.
    case exhausts(attempts: Int)
    /// Waits until it is asked to cancel itself; ends what it left open first, or not.
    case isCanceled(tidiesUp: Bool)
    /// Waits until it is terminated.
    case isTerminated
    /// Waits until its time is up.
    case timesOut(Duration)

    static func draw(using random: inout SeededGenerator) -> ProgramEnding {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: .fails
        case 1: .succeeds(afterFailures: Int.random(in: 1...3, using: &random))
        case 2: .exhausts(attempts: Int.random(in: 1...3, using: &random))
        case 3..<6: .isCanceled(tidiesUp: Bool.random(using: &random))
        case 6..<8: .isTerminated
        case 8: .timesOut(.milliseconds(Int64.random(in: 1_000...120_000, using: &random)))
        default: .completes
        }
    }

    /// Whether signals have to be taken by the very run they are sent to: another attempt would
    /// not know of them, and a run whose time is up takes none.
    var forbidsSignals: Bool {
        switch self {
        case .succeeds, .exhausts, .timesOut: true
        case .completes, .fails, .isCanceled, .isTerminated: false
        }
    }

    /// How often the workflow may be tried; nil if it is not retried.
    package var attemptsMax: Int? {
        switch self {
        case .succeeds(let failures): failures + 1
        case .exhausts(let attempts): attempts
        default: nil
        }
    }

    package var runTimeout: Duration? {
        guard case .timesOut(let timeout) = self else { return nil }
        return timeout
    }

    /// Whether the end comes from outside.
    package var waits: Bool {
        switch self {
        case .isCanceled, .isTerminated, .timesOut: true
        case .completes, .fails, .succeeds, .exhausts: false
        }
    }
}
