import Authorization
import AuthorizationService
import Primitives
import ServiceClients
import Testing

@Suite struct CachingAuthenticatorTests {
    private let clock = ManualClock()
    private let source = HeldSource()
    private let authenticator: CachingAuthenticator

    init() {
        var limits = VerdictCache<TokenHash>.Limits(ageMax: .seconds(60))
        limits.askingMax = 50
        self.authenticator = CachingAuthenticator(
            source: self.source, clock: self.clock, limits: limits)
    }

    private static let anna = Verdict.believed(
        Identity(principal: "anna", claims: Claims(system: .admin)), until: .distantFuture)

    @Test("Everybody who waits for the same token gets the one answer")
    func singleFlight() async throws {
        let authenticator = self.authenticator
        let answers = await withTaskGroup(of: Verdict?.self) { group in
            for _ in 0..<200 {
                group.addTask { try? await authenticator.verdict(onHeader: "Bearer x") }
            }
            while self.source.asked == 0 { await Task.yield() }
            self.source.answer(.success(Self.anna))
            return await group.reduce(into: [Verdict?]()) { $0.append($1) }
        }
        #expect(answers == Array(repeating: Self.anna, count: 200))
        #expect(self.source.asked == 1)
        #expect(try await authenticator.verdict(onHeader: "bearer x") == Self.anna)
        #expect(self.source.asked == 1)
        self.clock.advance(.seconds(60))
        #expect(try await authenticator.verdict(onHeader: "Bearer x") == Self.anna)
        #expect(self.source.asked == 2)
    }

    @Test("Whoever comes when a token's time is up is not let in by an answer others waited for")
    func answersOfBefore() async throws {
        let authenticator = self.authenticator
        let end = self.clock.now() + .seconds(10)
        let first = Task { try await authenticator.verdict(onHeader: "Bearer x") }
        while self.source.asked == 0 { await Task.yield() }
        self.clock.advance(.seconds(20))
        let second = Task { try await authenticator.verdict(onHeader: "Bearer x") }
        for _ in 0..<1_000 { await Task.yield() }
        let anna = Verdict.believed(
            Identity(principal: "anna", claims: Claims(system: .admin)), until: end)
        self.source.answer(.success(anna))
        #expect(try await first.value == anna)
        self.source.answer(.success(.refused(.expired)))
        // It is asked again, before or after the source has changed its mind.
        let verdict = try? await second.value
        #expect(verdict == nil || verdict == .refused(.expired))
        #expect(self.source.asked >= 2)
    }

    @Test("Whoever gives up leaves at once, and the others get their answer")
    func cancellation() async throws {
        let authenticator = self.authenticator
        let stays = Task { try await authenticator.verdict(onHeader: "Bearer x") }
        while self.source.asked == 0 { await Task.yield() }
        let leaves = Task { () -> ServiceError? in
            do throws(ServiceError) {
                _ = try await authenticator.verdict(onHeader: "Bearer x")
                return nil
            } catch {
                return error
            }
        }
        leaves.cancel()
        #expect(await leaves.value?.kind == .cancelled)
        self.source.answer(.success(Self.anna))
        #expect(try await stays.value == Self.anna)
    }

    @Test("Nobody is let in because nobody can be asked, and that is not remembered")
    func outage() async throws {
        self.source.answer(.failure(.timedOut))
        await #expect(throws: ServiceError.self) {
            try await self.authenticator.verdict(onHeader: "Bearer x")
        }
        self.source.answer(.success(Self.anna))
        #expect(try await self.authenticator.verdict(onHeader: "Bearer x") == Self.anna)
        self.source.answer(.failure(.timedOut))
        #expect(try await self.authenticator.verdict(onHeader: "Bearer x") == Self.anna)
    }

    @Test("Who is known is let in without anything that takes time")
    func hitsAreCheap() async throws {
        self.source.answer(.success(Self.anna))
        let headers = (0..<1_000).map { "Bearer ya29.\(String(repeating: "x", count: 180))-\($0)" }
        for header in headers { _ = try await self.authenticator.verdict(onHeader: header) }
        let begin = ContinuousClock.now
        for _ in 0..<20 {
            for header in headers { _ = try await self.authenticator.verdict(onHeader: header) }
        }
        let each = (ContinuousClock.now - begin) / 20_000
        // A tenth of what a call may take longer by it.
        #expect(each < .microseconds(100))
        #expect(self.source.asked == 1_000)
    }

    @Test("Without a token nobody is asked")
    func noToken() async throws {
        for header in [nil, "", "Basic x", "Bearer "] {
            #expect(try await self.authenticator.verdict(onHeader: header) == .refused(.noToken))
        }
        #expect(self.source.asked == 0)
    }

    @Test("Tokens that hang do not keep others out, beyond a number of them")
    func boundedQuestions() async throws {
        self.source.answer(.success(Self.anna))
        _ = try await self.authenticator.verdict(onHeader: "Bearer known")
        self.source.hold()
        let authenticator = self.authenticator
        let stuck = (0..<50).map { number in
            Task { try await authenticator.verdict(onHeader: "Bearer stuck-\(number)") }
        }
        while self.source.asked < 51 { await Task.yield() }
        await #expect(throws: ServiceError.self) {
            try await authenticator.verdict(onHeader: "Bearer one-more")
        }
        #expect(try await authenticator.verdict(onHeader: "Bearer known") == Self.anna)
        self.source.answer(.success(.refused(.unknownToken)))
        for task in stuck { #expect(try await task.value == .refused(.unknownToken)) }
    }
}
