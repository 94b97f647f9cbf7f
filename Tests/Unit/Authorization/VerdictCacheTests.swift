import Authorization
import Primitives
import Testing

private func at(_ seconds: Int) -> Timestamp { .epoch + .seconds(seconds) }

private func believed(_ name: String, until: Int = 1_000_000) -> Verdict {
    .believed(Identity(principal: name, claims: Claims()), until: at(until))
}

@Suite struct VerdictCacheTests {
    private static func cache(entries: Int = 100, asking: Int = 10) -> VerdictCache<String> {
        var limits = VerdictCache<String>.Limits(ageMax: .seconds(60))
        limits.entriesMax = entries
        limits.askingMax = asking
        return VerdictCache(limits)
    }

    @Test("One asks, others wait, and the answer is everybody's for its age")
    func oneAsks() {
        var cache = Self.cache()
        #expect(cache.lookUp("a", now: at(0)) == .ask)
        #expect(cache.lookUp("a", now: at(1)) == .wait)
        #expect(cache.lookUp("b", now: at(1)) == .ask)
        cache.answered("a", believed("anna"), askedAt: at(0))
        #expect(cache.lookUp("a", now: at(59)) == .known(believed("anna")))
        #expect(cache.lookUp("a", now: at(60)) == .ask)
    }

    @Test("A token's own expiry ends it sooner")
    func expiry() {
        var cache = Self.cache()
        #expect(cache.lookUp("a", now: at(0)) == .ask)
        cache.answered("a", believed("anna", until: 5), askedAt: at(0))
        #expect(cache.verdict(on: "a", now: at(4)) != nil)
        #expect(cache.verdict(on: "a", now: at(5)) == nil)
    }

    @Test("An answer is for whoever came while it counted")
    func whomAnAnswerIsFor() {
        let limits = VerdictCache<String>.Limits(ageMax: .seconds(60))
        func isMeant(_ verdict: Verdict, for time: Int) -> Bool {
            limits.isMeant(verdict, askedAt: at(0), forCallerOf: at(time))
        }
        #expect(isMeant(believed("anna"), for: 59) && !isMeant(believed("anna"), for: 60))
        let ending = believed("anna", until: 5)
        #expect(isMeant(ending, for: 4) && !isMeant(ending, for: 5))
        #expect(isMeant(.refused(.expired), for: 59) && !isMeant(.refused(.expired), for: 60))
    }

    @Test("No answer is not remembered, a refusal is, one that ends by itself is not")
    func answers() {
        var cache = Self.cache()
        for (key, verdict) in [
            ("a", nil), ("b", Verdict.refused(.unknownToken)), ("c", .refused(.notYetValid)),
        ] {
            #expect(cache.lookUp(key, now: at(0)) == .ask)
            cache.answered(key, verdict, askedAt: at(0))
        }
        #expect(cache.lookUp("a", now: at(1)) == .ask)
        #expect(cache.lookUp("b", now: at(1)) == .known(.refused(.unknownToken)))
        #expect(cache.lookUp("c", now: at(1)) == .ask)
    }

    @Test("Its size is bounded, and refused tokens push nobody out")
    func bounds() {
        var cache = Self.cache(entries: 10, asking: 3)
        #expect(cache.lookUp("anna", now: at(0)) == .ask)
        cache.answered("anna", believed("anna"), askedAt: at(0))
        for number in 0..<1_000 {
            let key = "nobody-\(number)"
            #expect(cache.lookUp(key, now: at(0)) == .ask)
            cache.answered(key, .refused(.unknownToken), askedAt: at(0))
            #expect(cache.count <= 20)
        }
        #expect(cache.verdict(on: "anna", now: at(1)) == believed("anna"))
        for key in ["x", "y", "z"] { #expect(cache.lookUp(key, now: at(0)) == .ask) }
        #expect(cache.lookUp("w", now: at(0)) == .refuse)
        #expect(cache.lookUp("anna", now: at(0)) == .known(believed("anna")))
    }

    @Test("What was asked before everything was forgotten is not remembered after it")
    func forgetting() {
        var cache = Self.cache()
        #expect(cache.lookUp("a", now: at(0)) == .ask)
        cache.forgetAll()
        #expect(cache.lookUp("a", now: at(0)) == .wait)
        cache.answered("a", believed("anna"), askedAt: at(0))
        #expect(cache.lookUp("a", now: at(0)) == .ask)
    }

    @Test("Against a model: nothing outlives its age, and nothing used lately is gone")
    func model() {
        var random = SeededGenerator(7)
        var entries = RecentEntries<Int, Int>(weightMax: 20)
        var used: [Int] = []
        for step in 0..<5_000 {
            let key = Int.random(in: 0..<40, using: &random)
            if Bool.random(using: &random) {
                entries[key] = step
            } else if entries[key] == nil {
                // The ten used last are always there.
                #expect(!used.suffix(10).contains(key))
                continue
            }
            used.removeAll { $0 == key }
            used.append(key)
            #expect(entries.count <= 20)
        }
    }
}

@Suite struct CircuitBreakerTests {
    @Test("It opens after many failures in a row, probes once, and closes again")
    func life() {
        var breaker = CircuitBreaker()
        for _ in 1..<CircuitBreaker.failuresMax { breaker.failed(now: at(0)) }
        #expect(breaker.permission(now: at(0)) == .granted)
        breaker.succeeded()
        for _ in 0..<CircuitBreaker.failuresMax { breaker.failed(now: at(0)) }
        #expect(breaker.permission(now: at(0)) == .denied)
        #expect(breaker.permission(now: at(1)) == .probe)
        #expect(breaker.permission(now: at(1)) == .denied)
        breaker.succeeded()
        #expect(breaker.permission(now: at(1)) == .granted && breaker.isClosed)
    }

    @Test("Its pauses grow, up to a bound")
    func pauses() {
        var breaker = CircuitBreaker()
        for _ in 0..<CircuitBreaker.failuresMax { breaker.failed(now: at(0)) }
        var now = at(1)
        for expected in [2, 4, 8, 15, 15] {
            #expect(breaker.permission(now: now) == .probe)
            breaker.failed(now: now)
            #expect(breaker.permission(now: now + .seconds(expected) + .nanoseconds(-1)) == .denied)
            now = now + .seconds(expected)
        }
    }

    @Test("Failures of questions from before do not keep it open")
    func lateFailures() {
        var breaker = CircuitBreaker()
        for _ in 0..<50 { breaker.failed(now: at(0)) }
        #expect(breaker.permission(now: at(1)) == .probe)
    }
}

@Suite struct EntryAllowanceTests {
    @Test("A burst, then some for every second, and how many were passed over")
    func allowance() {
        var allowance = EntryAllowance(burstMax: 3, perSecond: 2)
        #expect((0..<5).map { _ in allowance.take(now: at(0)) } == [0, 0, 0, nil, nil])
        #expect(allowance.take(now: at(1)) == 2)
        #expect(allowance.take(now: at(1)) == 0)
        #expect(allowance.take(now: at(1)) == nil)
        #expect((0..<4).map { _ in allowance.take(now: at(1_000)) } == [1, 0, 0, nil])
    }
}
