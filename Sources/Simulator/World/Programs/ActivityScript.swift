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
    /// Fails every time; its time for all attempts runs out after this many seconds.
    case overruns(seconds: Int)
    /// Is put into a task queue that nobody polls, where it may wait this many seconds.
    case isUnclaimed(seconds: Int)
    /// Heartbeats until it hears that it is to be cancelled.
    case heedsCancel
    /// Completes after this many seconds, whatever it hears.
    case ignoresCancel(seconds: Int)
    /// Fails every time, and is tried again after this many seconds.
    case backsOff(seconds: Int)
    /// Is put into a task queue that nobody polls; completes once somebody has moved it.
    case isMoved

    /// What the workflow sees at the end; those that only a cancel can end have their step's.
    package var outcome: String {
        switch self {
        case .succeeds, .ignoresCancel, .isMoved: "succeeded"
        case .exhausts, .overruns, .isUnclaimed: "exhausted"
        case .refuses: "refused"
        case .stalls: "unstalled"
        case .progresses(let steps): "progressed \(steps)"
        case .heedsCancel, .backsOff: "canceled"
        }
    }

    package var attemptsMax: Int32 {
        switch self {
        case .exhausts(let attempts): Int32(attempts)
        default: 0
        }
    }

    package var heartbeatTimeout: Duration? {
        switch self {
        case .progresses: .seconds(10)
        case .heedsCancel: .seconds(5)
        default: nil
        }
    }

    /// For all attempts together.
    package var scheduleToCloseTimeout: Duration? {
        guard case .overruns(let seconds) = self else { return nil }
        return .seconds(seconds)
    }

    package var scheduleToStartTimeout: Duration? {
        guard case .isUnclaimed(let seconds) = self else { return nil }
        return .seconds(seconds)
    }

    package var retryIntervalInitial: Duration {
        guard case .backsOff(let seconds) = self else { return .milliseconds(500) }
        return .seconds(seconds)
    }

    package var retryIntervalMax: Duration { max(self.retryIntervalInitial, .seconds(5)) }

    static let unpolledTaskQueue = "nobody"

    /// The task queue it goes to, if not its workflow's.
    package var taskQueue: String? {
        switch self {
        case .isUnclaimed, .isMoved: Self.unpolledTaskQueue
        default: nil
        }
    }

    /// How many attempts it takes when nothing goes wrong.
    package var attemptCount: Int {
        switch self {
        case .succeeds(let failures): failures + 1
        case .exhausts(let attempts): attempts
        case .refuses, .overruns, .isUnclaimed, .heedsCancel, .ignoresCancel, .backsOff, .isMoved:
            1
        case .stalls(let attempts): attempts + 1
        case .progresses(let steps): steps
        }
    }

    static func draw(using random: inout SeededGenerator) -> ActivityScript {
        switch Int.random(in: 0..<24, using: &random) {
        case 0..<11: .succeeds(afterFailures: Int.random(in: 0...3, using: &random))
        case 11..<13: .exhausts(attempts: Int.random(in: 1...3, using: &random))
        case 13..<15: .refuses
        case 15..<17: .stalls(attempts: Int.random(in: 1...2, using: &random))
        case 17: .overruns(seconds: Int.random(in: 1...12, using: &random))
        case 18: .isUnclaimed(seconds: Int.random(in: 1...12, using: &random))
        default: .progresses(steps: Int.random(in: 1...4, using: &random))
        }
    }

    /// One that its workflow will ask to stop.
    static func drawToBeCancelled(using random: inout SeededGenerator) -> ActivityScript {
        switch Int.random(in: 0..<6, using: &random) {
        case 0..<2: .heedsCancel
        case 2: .ignoresCancel(seconds: Int.random(in: 0...6, using: &random))
        case 3: .isUnclaimed(seconds: Int.random(in: 1...30, using: &random))
        case 4: .backsOff(seconds: Int.random(in: 1...120, using: &random))
        default: .draw(using: &random)
        }
    }

    /// One that an operator pauses, resets and changes, and that ends all the same.
    static func drawToBeOperatedOn(using random: inout SeededGenerator) -> ActivityScript {
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<3: .succeeds(afterFailures: Int.random(in: 0...8, using: &random))
        case 3..<5: .exhausts(attempts: Int.random(in: 2...6, using: &random))
        case 5: .stalls(attempts: Int.random(in: 1...2, using: &random))
        case 6: .refuses
        case 7: .overruns(seconds: Int.random(in: 1...60, using: &random))
        case 8: .ignoresCancel(seconds: Int.random(in: 0...12, using: &random))
        case 9: .isMoved
        default: .progresses(steps: Int.random(in: 1...6, using: &random))
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
        case .overruns(let seconds): "overruns \(seconds)"
        case .isUnclaimed(let seconds): "isUnclaimed \(seconds)"
        case .heedsCancel: "heedsCancel 0"
        case .ignoresCancel(let seconds): "ignoresCancel \(seconds)"
        case .backsOff(let seconds): "backsOff \(seconds)"
        case .isMoved: "isMoved 0"
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
        case "overruns": self = .overruns(seconds: number)
        case "isUnclaimed": self = .isUnclaimed(seconds: number)
        case "heedsCancel": self = .heedsCancel
        case "ignoresCancel": self = .ignoresCancel(seconds: number)
        case "backsOff": self = .backsOff(seconds: number)
        case "isMoved": self = .isMoved
        default: return nil
        }
    }
}
