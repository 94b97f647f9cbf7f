import Authorization
import Metrics
import Primitives
import ServiceClients
import Synchronization

/// Finds out who calls: remembers it for a while, and asks once for all who wait for the same.
package final class CachingAuthenticator: Authenticator {
    private struct Told: Sendable {
        let verdict: Verdict
        let askedAt: Timestamp
    }

    private typealias Answer = Result<Told, ServiceError>

    private struct State {
        var cache: VerdictCache<TokenHash>
        var waiting: [TokenHash: [Int: CheckedContinuation<Answer, Never>]] = [:]
        var nextWaiter = 0
    }

    private static let unanswered = ServiceError.unavailable(
        "who calls cannot be verified now, please retry")
    private static let callerLeft = ServiceError(.cancelled, "the caller went away")

    private let source: any VerdictSource
    private let clock: any TimeSource
    private let limits: VerdictCache<TokenHash>.Limits
    private let state: Mutex<State>
    private let hits = Counter(label: "authorization_cache_hits")
    private let misses = Counter(label: "authorization_cache_misses")

    package init(
        source: any VerdictSource, clock: any TimeSource, limits: VerdictCache<TokenHash>.Limits
    ) {
        self.source = source
        self.clock = clock
        self.limits = limits
        self.state = Mutex(State(cache: VerdictCache(limits)))
    }

    /// Tokens that are remembered.
    package var count: Int { self.state.withLock { $0.cache.count } }

    /// Forgets everything: what it was found out by has changed.
    package func forgetAll() { self.state.withLock { $0.cache.forgetAll() } }

    package func verdict(onHeader header: String?) async throws(ServiceError) -> Verdict {
        guard let token = BearerHeader.token(header) else { return .refused(.noToken) }
        let key = TokenHash(token)
        let now = self.clock.now()
        if let known = self.state.withLock({ $0.cache.verdict(on: key, now: now) }) {
            self.hits.increment()
            return known
        }
        self.misses.increment()
        // What others wait for may be over by now; what is asked for from now on is not.
        for _ in 0..<2 {
            let told = try await self.wait(token, key).get()
            if self.limits.isMeant(told.verdict, askedAt: told.askedAt, forCallerOf: now) {
                return told.verdict
            }
        }
        throw Self.unanswered
    }

    private func wait(_ token: String, _ key: TokenHash) async -> Answer {
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.enter(continuation, id, token, key)
                // The handler may have run before there was anybody to find.
                if Task.isCancelled { self.leave(id, key) }
            }
        } onCancel: {
            self.leave(id, key)
        }
    }

    private func enter(
        _ continuation: CheckedContinuation<Answer, Never>, _ id: Int, _ token: String,
        _ key: TokenHash
    ) {
        let now = self.clock.now()
        let lookup = self.state.withLock { state in
            let lookup = state.cache.lookUp(key, now: now)
            switch lookup {
            case .ask, .wait: state.waiting[key, default: [:]][id] = continuation
            case .known, .refuse: break
            }
            return lookup
        }
        switch lookup {
        case .known(let verdict):
            continuation.resume(returning: .success(Told(verdict: verdict, askedAt: now)))
        case .refuse: continuation.resume(returning: .failure(Self.unanswered))
        case .wait: return
        // On its own: it goes on for the others when this caller leaves.
        case .ask: Task { await self.ask(token, key, askedAt: now) }
        }
    }

    private func leave(_ id: Int, _ key: TokenHash) {
        let continuation = self.state.withLock { $0.waiting[key]?.removeValue(forKey: id) }
        continuation?.resume(returning: .failure(Self.callerLeft))
    }

    private func ask(_ token: String, _ key: TokenHash, askedAt: Timestamp) async {
        var verdict: Verdict?
        do throws(OutsideFailure) {
            verdict = try await self.source.verdict(onToken: token, key: key)
        } catch {
            // Whoever did not answer has been logged where it was asked.
        }
        let waiting = self.state.withLock { state in
            state.cache.answered(key, verdict, askedAt: askedAt)
            return state.waiting.removeValue(forKey: key) ?? [:]
        }
        let told = verdict.map { Told(verdict: $0, askedAt: askedAt) }
        let answer = told.map { Answer.success($0) } ?? .failure(Self.unanswered)
        for continuation in waiting.values { continuation.resume(returning: answer) }
    }
}
