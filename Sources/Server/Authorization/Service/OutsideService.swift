import Authorization
import Logging
import Metrics
import Primitives
import ServiceClients
import Synchronization

/// Why a service outside gave no answer that could be used.
///
/// Holds nothing of the question.
package enum OutsideFailure: Error, Equatable, Sendable {
    case timedOut
    case unreachable(reason: String)
    /// The answer is not what such a service says.
    case unreadable
    /// It answers, but not to this: HTTP status, and its own words.
    case refused(status: Int, reason: String)
    /// It did not answer lately, so it was not asked.
    case spared

    /// For operators: what of it may be said anywhere.
    package var summary: String {
        switch self {
        case .timedOut: "it did not answer in time"
        case .unreachable(let reason): "it cannot be reached: \(reason)"
        case .unreadable: "its answer cannot be read"
        case .refused(let status, _): "it answered with status \(status)"
        case .spared: "it did not answer lately"
        }
    }
}

/// Asks a service outside within a deadline: reads are tried again, and a service that does not
/// answer is spared.
final class OutsideService: Sendable {
    private struct State {
        var breaker = CircuitBreaker()
        var allowance = EntryAllowance(burstMax: 20, perSecond: 1)
        var generator: SeededGenerator
    }

    private static let attemptsMax = 3
    private static let pauseFirst = Duration.milliseconds(50)

    private let name: String
    private let exchange: any HTTPExchange
    private let clock: any TimeSource
    private let logger: Logger
    private let state: Mutex<State>
    private let answers: Counter
    private let failures: Counter

    init(
        name: String, exchange: any HTTPExchange, clock: any TimeSource, random: any RandomSource,
        logger: Logger
    ) {
        self.name = name
        self.exchange = exchange
        self.clock = clock
        self.logger = logger
        self.state = Mutex(State(generator: SeededGenerator(random.seed())))
        let dimensions = [("service", name)]
        self.answers = Counter(label: "authorization_outside_answers", dimensions: dimensions)
        self.failures = Counter(label: "authorization_outside_failures", dimensions: dimensions)
    }

    /// Asks, and reads the answer.
    /// - Parameters:
    ///   - request: what to ask.
    ///   - deadline: when to give up.
    ///   - isRead: whether it may be asked twice.
    ///   - read: takes the answer, or throws `unreadable` or `refused`.
    /// - Returns: what `read` made of it.
    /// - Throws: why there is no answer.
    func ask<Answer>(
        _ request: OutgoingRequest, by deadline: Timestamp, isRead: Bool = true,
        _ read: (HTTPAnswer) throws(OutsideFailure) -> Answer
    ) async throws(OutsideFailure) -> Answer {
        let permission = self.state.withLock { $0.breaker.permission(now: self.clock.now()) }
        guard permission != .denied else { throw .spared }
        let attempts = isRead && permission == .granted ? Self.attemptsMax : 1
        do throws(OutsideFailure) {
            let answer = try await self.attempt(request, by: deadline, upTo: attempts, read)
            self.succeeded()
            return answer
        } catch {
            if case .refused = error { self.succeeded() } else { self.failed(error) }
            throw error
        }
    }

    private func attempt<Answer>(
        _ request: OutgoingRequest, by deadline: Timestamp, upTo attempts: Int,
        _ read: (HTTPAnswer) throws(OutsideFailure) -> Answer
    ) async throws(OutsideFailure) -> Answer {
        var failure = OutsideFailure.timedOut
        for attempt in 1...attempts {
            let rest = deadline - self.clock.now()
            guard rest > .zero else { break }
            // What hangs may answer when it is asked again.
            let timeout = attempt < attempts ? rest / 2 : rest
            do throws(OutsideFailure) {
                return try await self.askOnce(request, timeout, read)
            } catch {
                if case .refused = error { throw error }
                failure = error
            }
            guard attempt < attempts, await self.pause(after: attempt, before: deadline) else {
                break
            }
        }
        throw failure
    }

    private func askOnce<Answer>(
        _ request: OutgoingRequest, _ timeout: Duration,
        _ read: (HTTPAnswer) throws(OutsideFailure) -> Answer
    ) async throws(OutsideFailure) -> Answer {
        switch await self.exchange.answer(to: request, timeout: timeout) {
        case .timedOut: throw .timedOut
        case .failed(let reason): throw .unreachable(reason: reason)
        case .answered(let answer) where answer.status == 429 || answer.status >= 500:
            throw .unreachable(reason: "status \(answer.status)")
        case .answered(let answer): return try read(answer)
        }
    }

    /// Waits a little; false if there is no time left for it.
    private func pause(after attempt: Int, before deadline: Timestamp) async -> Bool {
        let longest = (Self.pauseFirst * (1 << (attempt - 1))).nanoseconds
        let pause = self.state.withLock { Int64.random(in: 0...longest, using: &$0.generator) }
        let until = self.clock.now() + .nanoseconds(pause)
        guard until < deadline else { return false }
        do {
            try await self.clock.sleep(until: until)
            return true
        } catch {
            return false
        }
    }

    private func succeeded() {
        self.answers.increment()
        let isBack = self.state.withLock { state in
            defer { state.breaker.succeeded() }
            return !state.breaker.isClosed
        }
        if isBack { self.logger.info("a service answers again", metadata: self.metadata) }
    }

    private func failed(_ failure: OutsideFailure) {
        self.failures.increment()
        let now = self.clock.now()
        let passedOver = self.state.withLock { state in
            state.breaker.failed(now: now)
            return state.allowance.take(now: now)
        }
        guard let passedOver else { return }
        var metadata = self.metadata
        metadata["reason"] = "\(failure.summary)"
        if passedOver > 0 { metadata["passed_over"] = "\(passedOver)" }
        self.logger.warning("a service cannot be asked who may do what", metadata: metadata)
    }

    private var metadata: Logger.Metadata { ["service": "\(self.name)"] }
}
