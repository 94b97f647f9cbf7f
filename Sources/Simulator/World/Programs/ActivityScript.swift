import Primitives

/// What an activity does, attempt after attempt: its input says so, and its end is known.
package enum ActivityScript: Equatable, Sendable {
    /// Fails this many times, then completes.
    case succeeds(afterFailures: Int)
    /// Fails every time; it may be tried this often.
    case exhausts(attempts: Int)
    /// Fails once, in a way that must not be retried.
    case refuses
    /// Says nothing at all for this many attempts, then completes.
    case stalls(attempts: Int)
    /// Each attempt heartbeats one step more than the attempts before it, and fails until the last.
    case progresses(steps: Int)

    /// What the workflow sees at the end.
    package var outcome: String {
        switch self {
        case .succeeds: "succeeded"
        case .exhausts: "exhausted"
        case .refuses: "refused"
        case .stalls: "unstalled"
        case .progresses(let steps): "progressed \(steps)"
        }
    }

    package var attemptsMax: Int32 {
        switch self {
        case .exhausts(let attempts): Int32(attempts)
        case .succeeds, .refuses, .stalls, .progresses: 0
        }
    }

    package var heartbeatTimeout: Duration? {
        switch self {
        case .progresses: .seconds(10)
        case .succeeds, .exhausts, .refuses, .stalls: nil
        }
    }

    /// How many attempts it takes when nothing goes wrong.
    package var attemptCount: Int {
        switch self {
        case .succeeds(let failures): failures + 1
        case .exhausts(let attempts): attempts
        case .refuses: 1
        case .stalls(let attempts): attempts + 1
        case .progresses(let steps): steps
        }
    }

    static func draw(using random: inout SeededGenerator) -> ActivityScript {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5: .succeeds(afterFailures: Int.random(in: 0...3, using: &random))
        case 5: .exhausts(attempts: Int.random(in: 1...3, using: &random))
        case 6: .refuses
        case 7: .stalls(attempts: Int.random(in: 1...2, using: &random))
        default: .progresses(steps: Int.random(in: 1...4, using: &random))
        }
    }
}

extension ActivityScript {
    /// Its form as an activity's input.
    package var text: String {
        switch self {
        case .succeeds(let failures): "succeeds \(failures)"
        case .exhausts(let attempts): "exhausts \(attempts)"
        case .refuses: "refuses 0"
        case .stalls(let attempts): "stalls \(attempts)"
        case .progresses(let steps): "progresses \(steps)"
        }
    }

    package init?(text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, let number = Int(words[1]) else { return nil }
        switch words[0] {
        case "succeeds": self = .succeeds(afterFailures: number)
        case "exhausts": self = .exhausts(attempts: number)
        case "refuses": self = .refuses
        case "stalls": self = .stalls(attempts: number)
        case "progresses": self = .progresses(steps: number)
        default: return nil
        }
    }
}
