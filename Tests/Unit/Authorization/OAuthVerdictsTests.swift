import Authorization
import AuthorizationService
import Logging
import Primitives
import ServiceClients
import Synchronization
import Testing

@Suite struct OAuthVerdictsTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let info = """
        {"azp": "c", "email": "anna@example.com", "email_verified": "true", "exp": "5000",
         "expires_in": 3599, "scope": "https://www.googleapis.com/auth/userinfo.email"}
        """

    private static func tuples(_ keys: [(String, String, String)], next: String = "") -> String {
        let list = keys.map {
            #"{"key": {"user": "\#($0.0)", "relation": "\#($0.1)", "object": "\#($0.2)"}}"#
        }
        return #"{"tuples": [\#(list.joined(separator: ","))], "continuation_token": "\#(next)"}"#
    }

    private static let member = ("user:anna@example.com", "member", "group:devs")
    private static let role = ("group:devs#member", "writer", "namespace:alpha")

    /// Google and OpenFGA as they should be.
    private static func sound(_ request: OutgoingRequest) -> HTTPOutcome {
        guard let body = request.body else { return .json(Self.info) }
        let text = String(decoding: body, as: UTF8.self)
        return .json(
            Self.tuples([text.contains("user:anna@example.com") ? Self.member : Self.role]))
    }

    private static func source(_ exchange: ScriptedExchange, _ clock: ManualClock) -> OAuthVerdicts
    {
        OAuthVerdicts(
            rules: .init(
                clientID: "c",
                groups: GroupRules(adminGroups: "ops", openNamespaces: "", mode: .strict),
                timeout: .seconds(5), ageMax: .seconds(60)),
            verifier: GoogleTokenVerifier(
                url: "https://google/tokeninfo", exchange: exchange, clock: clock,
                random: FixedRandom(), logger: Self.quiet),
            roles: OpenFGARoleSource(
                OpenFGAAddress(url: "https://fga", key: "k", storeID: "S", modelID: "M"),
                exchange: exchange, clock: clock, random: FixedRandom(), logger: Self.quiet),
            clock: clock)
    }

    /// What comes of one token, and what was asked for it.
    private static func outcome(
        _ script: @escaping ScriptedExchange.Script
    ) async -> (Result<Verdict, OutsideFailure>, [OutgoingRequest], took: Duration) {
        let clock = ManualClock()
        let exchange = ScriptedExchange(clock: clock, script: script)
        let source = Self.source(exchange, clock)
        let begin = clock.now()
        do throws(OutsideFailure) {
            let verdict = try await source.verdict(onToken: "t", key: TokenHash("t"))
            return (.success(verdict), exchange.requests, clock.now() - begin)
        } catch {
            return (.failure(error), exchange.requests, clock.now() - begin)
        }
    }

    private static let anna = Verdict.believed(
        Identity(
            principal: "anna@example.com", claims: Claims(namespaces: ["alpha": .write])),
        until: .epoch + .seconds(1_060))

    @Test("From a token to roles, with the secrets where they belong")
    func soundAnswers() async {
        let (verdict, requests, _) = await Self.outcome { request, _ in Self.sound(request) }
        #expect(verdict == .success(Self.anna))
        #expect(requests.count == 3)
        for request in requests {
            let header = request.headers.first { $0.name == "authorization" }?.value
            #expect(header == (request.url.hasPrefix("https://fga") ? "Bearer k" : "Bearer t"))
            #expect(!request.url.contains("Bearer") && "\(request)".count < 60)
        }
    }

    @Test("One failure of any kind is made up for")
    func oneFailure() async {
        let failures: [HTTPOutcome] = [
            .timedOut, .failed(reason: "x"), .json("oops"), .json("{}", status: 500),
        ]
        for failure in failures {
            for failing in [1, 2, 3] {
                let (verdict, requests, _) = await Self.outcome { request, number in
                    number == failing ? failure : Self.sound(request)
                }
                // What Google said is believed from when it was asked.
                guard case .success(.believed(let identity, _)) = verdict else {
                    Issue.record("\(verdict) after \(failure) of request \(failing)")
                    continue
                }
                #expect(identity.principal == "anna@example.com" && requests.count == 4)
            }
        }
    }

    @Test("A service that stays away is asked three times, within the deadline")
    func outage() async {
        for (failure, expected) in [
            (HTTPOutcome.timedOut, OutsideFailure.timedOut), (.json("oops"), .unreadable),
            (.json("", status: 503), .unreachable(reason: "status 503")),
        ] {
            let (verdict, requests, took) = await Self.outcome { _, _ in failure }
            #expect(verdict == .failure(expected))
            #expect((1...3).contains(requests.count) && took <= .seconds(5))
        }
    }

    @Test("A refusal of Google's is an answer, one of OpenFGA's is none")
    func refusals() async {
        let (unknown, asked, _) = await Self.outcome { _, _ in .json("{}", status: 400) }
        #expect(unknown == .success(.refused(.unknownToken)) && asked.count == 1)
        let (failed, requests, _) = await Self.outcome { request, _ in
            request.body == nil
                ? .json(Self.info) : .json(#"{"code": "unauthenticated"}"#, status: 401)
        }
        #expect(failed == .failure(.refused(status: 401, reason: "unauthenticated")))
        #expect(requests.count == 2)
    }

    @Test("Pages are read to their end, and an end that does not come is a failure")
    func pages() async {
        let (verdict, _, _) = await Self.outcome { request, _ in
            guard let body = request.body.map({ String(decoding: $0, as: UTF8.self) }) else {
                return .json(Self.info)
            }
            guard body.contains("user:anna@example.com") else { return Self.sound(request) }
            let others = ("user:anna@example.com", "member", "group:others")
            return body.contains(#""continuation_token":"2""#)
                ? .json(Self.tuples([("user:anna@example.com", "member", "group:ops")]))
                : .json(Self.tuples([others], next: body.contains(#""1""#) ? "2" : "1"))
        }
        guard case .success(.believed(let identity, _)) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(identity.claims == Claims(system: .admin))
        let (endless, _, _) = await Self.outcome { request, _ in
            request.body == nil ? .json(Self.info) : .json(Self.tuples([], next: "again"))
        }
        #expect(endless == .failure(.unreadable))
    }

    @Test("Google is not asked again because OpenFGA did not answer, unless it is long ago")
    func factsAreKept() async throws {
        let clock = ManualClock()
        let isAway = Mutex(true)
        let exchange = ScriptedExchange(clock: clock) { request, _ in
            if request.body != nil, isAway.withLock({ $0 }) { return .failed(reason: "away") }
            return Self.sound(request)
        }
        let source = Self.source(exchange, clock)
        let key = TokenHash("t")
        for _ in 0..<3 {
            await #expect(throws: OutsideFailure.self) {
                try await source.verdict(onToken: "t", key: key)
            }
        }
        let google = { exchange.requests.filter { $0.body == nil }.count }
        #expect(google() == 1)
        isAway.withLock { $0 = false }
        #expect(try await source.verdict(onToken: "t", key: key) == Self.anna)
        #expect(google() == 1)
        clock.advance(.seconds(60))
        _ = try await source.verdict(onToken: "t", key: key)
        #expect(google() == 2)
    }
}
