import Authorization
import AuthorizationService
import Primitives
import ServiceClients
import Synchronization

/// Stands still until it is told; whoever sleeps wakes at once, and time is where they wanted it.
final class ManualClock: TimeSource {
    private let time = Mutex(Timestamp.epoch + .seconds(1_000))

    func now() -> Timestamp { self.time.withLock { $0 } }

    func sleep(until deadline: Timestamp) async throws {
        try Task.checkCancellation()
        self.time.withLock { $0 = max($0, deadline) }
    }

    func advance(_ duration: Duration) { self.time.withLock { $0 = $0 + duration } }
}

struct FixedRandom: RandomSource {
    func seed() -> UInt64 { 42 }
}

/// Answers requests from a script; a timeout takes the whole time it may.
final class ScriptedExchange: HTTPExchange {
    typealias Script = @Sendable (_ request: OutgoingRequest, _ number: Int) -> HTTPOutcome

    private let clock: ManualClock
    private let script: Script
    private let log = Mutex<[OutgoingRequest]>([])

    init(clock: ManualClock, script: @escaping Script) {
        self.clock = clock
        self.script = script
    }

    var requests: [OutgoingRequest] { self.log.withLock { $0 } }

    func answer(to request: OutgoingRequest, timeout: Duration) async -> HTTPOutcome {
        let number = self.log.withLock { log in
            log.append(request)
            return log.count
        }
        let outcome = self.script(request, number)
        if outcome == .timedOut { self.clock.advance(timeout) }
        return outcome
    }
}

extension HTTPOutcome {
    static func json(_ text: String, status: Int = 200) -> HTTPOutcome {
        .answered(HTTPAnswer(status: status, body: Array(text.utf8)))
    }
}

/// Answers when it is told to.
final class HeldSource: VerdictSource {
    private struct State {
        var asked = 0
        var verdict: Result<Verdict, OutsideFailure>?
        var waiting: [CheckedContinuation<Result<Verdict, OutsideFailure>, Never>] = []
    }

    private let state = Mutex(State())

    var asked: Int { self.state.withLock { $0.asked } }

    func verdict(onToken token: String, key: TokenHash) async throws(OutsideFailure) -> Verdict {
        try await withCheckedContinuation { continuation in
            let verdict = self.state.withLock { state in
                state.asked += 1
                if state.verdict == nil { state.waiting.append(continuation) }
                return state.verdict
            }
            if let verdict { continuation.resume(returning: verdict) }
        }.get()
    }

    /// Answers whoever waits, and everybody from now on.
    func answer(_ verdict: Result<Verdict, OutsideFailure>) {
        let waiting = self.state.withLock { state in
            state.verdict = verdict
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: verdict) }
    }

    /// From now on questions wait again.
    func hold() { self.state.withLock { $0.verdict = nil } }
}
