import Authorization
import AuthorizationService
import JWTKit
import Logging
import Primitives
import Synchronization
import Testing

/// A published set of keys that can be changed, and be away.
private final class FakeKeySet: KeySetSource {
    let place = "fake"
    private let answer: Mutex<Result<[UInt8], OutsideFailure>>

    init(_ json: String) { self.answer = Mutex(.success(Array(json.utf8))) }

    func set(_ json: String?) {
        self.answer.withLock { $0 = json.map { .success(Array($0.utf8)) } ?? .failure(.timedOut) }
    }

    func read(timeout: Duration) async throws(OutsideFailure) -> [UInt8] {
        try self.answer.withLock { $0 }.get()
    }
}

private struct Issuer {
    let key = ES256PrivateKey()
    let kid: String

    /// The public part, as it is published.
    func jwk(kid: String? = nil, algorithm: String? = "ES256") throws -> String {
        let point = try #require(self.key.publicKey.parameters)
        func url(_ text: String) -> String {
            String(
                text.filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
        }
        let name = algorithm.map { #", "alg": "\#($0)""# } ?? ""
        return """
            {"kty": "EC", "crv": "P-256", "kid": "\(kid ?? self.kid)", "use": "sig"\(name),
             "x": "\(url(point.x))", "y": "\(url(point.y))"}
            """
    }

    func token(_ body: Body, kid: String? = nil) async throws -> String {
        let keys = await JWTKeyCollection().add(ecdsa: self.key)
        return try await keys.sign(body, header: ["kid": .string(kid ?? self.kid)])
    }
}

private struct Body: JWTPayload {
    var sub: String? = "anna"
    var exp: Double? = 2_000
    var nbf: Double?
    var aud: [String]?
    var permissions: [String]? = ["alpha:read"]

    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

@Suite struct JWTVerdictsTests {
    private let clock = ManualClock()
    private let issuer = Issuer(kid: "one")
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func keys(_ sources: [FakeKeySet]) -> SigningKeys {
        SigningKeys(
            sources: sources, interval: .seconds(60), clock: self.clock, logger: self.quiet)
    }

    private func verdict(
        on token: String, _ keys: SigningKeys, audience: String = ""
    ) async throws -> Verdict {
        let verdicts = JWTVerdicts(
            rules: .init(permissionsClaim: "permissions", audience: audience), keys: keys,
            clock: self.clock)
        return try await verdicts.verdict(onToken: token, key: TokenHash(token))
    }

    private static let anna = Identity(
        principal: "anna", claims: Claims(namespaces: ["alpha": .read]))

    @Test("What a token says is judged once its signature holds")
    func claims() async throws {
        let keys = self.keys([FakeKeySet("{\"keys\": [\(try self.issuer.jwk())]}")])
        _ = await keys.refresh()
        let until = Timestamp.epoch + .seconds(2_000)
        let cases: [(Body, String, Verdict)] = [
            (Body(), "", .believed(Self.anna, until: until)),
            (Body(exp: nil), "", .believed(Self.anna, until: .distantFuture)),
            (Body(exp: 1_000), "", .refused(.expired)),
            (Body(nbf: 1_000), "", .believed(Self.anna, until: until)),
            (Body(nbf: 1_001), "", .refused(.notYetValid)),
            (Body(sub: nil), "", .refused(.unreadable)),
            (Body(exp: .greatestFiniteMagnitude), "", .refused(.unreadable)),
            (Body(aud: ["us"]), "us", .believed(Self.anna, until: until)),
            (Body(aud: ["them"]), "us", .refused(.otherAudience)),
            (Body(), "us", .refused(.otherAudience)),
            (
                Body(permissions: nil), "",
                .believed(Identity(principal: "anna", claims: Claims()), until: until)
            ),
        ]
        for (body, audience, expected) in cases {
            let token = try await self.issuer.token(body)
            #expect(try await self.verdict(on: token, keys, audience: audience) == expected)
        }
    }

    @Test("A key counts under its name and for its algorithm only")
    func keyNames() async throws {
        let good = try await self.issuer.token(Body())
        let other = try await Issuer(kid: "one").token(Body())
        let sets = [
            (try self.issuer.jwk(), good, true), (try self.issuer.jwk(), other, false),
            (try self.issuer.jwk(algorithm: nil), good, true),
            (try self.issuer.jwk(algorithm: "ES384"), good, false),
            (try self.issuer.jwk(kid: "two"), good, false),
            (#"{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}"#, good, false),
        ]
        for (jwk, token, isBelieved) in sets {
            let keys = self.keys([FakeKeySet("{\"keys\": [7, {}, \(jwk)]}")])
            _ = await keys.refresh()
            let verdict = try await self.verdict(on: token, keys)
            if case .believed = verdict { #expect(isBelieved) } else { #expect(!isBelieved) }
        }
    }

    @Test("Keys outlive an outage of their source, and go when they are taken out")
    func refreshing() async throws {
        let second = Issuer(kid: "two")
        let source = FakeKeySet("{\"keys\": [\(try self.issuer.jwk())]}")
        let late = FakeKeySet("oops")
        let keys = self.keys([source, late])
        let token = try await self.issuer.token(Body())
        let secondToken = try await second.token(Body())
        #expect(await keys.refresh())
        #expect(try await self.verdict(on: token, keys) == .believed(Self.anna, until: until))
        // The source that was never read may have it.
        await #expect(throws: OutsideFailure.spared) {
            try await self.verdict(on: secondToken, keys)
        }
        late.set("{\"keys\": [\(try second.jwk())]}")
        #expect(await keys.refresh())
        #expect(
            try await self.verdict(on: secondToken, keys) == .believed(Self.anna, until: until))
        source.set(nil)
        #expect(await !keys.refresh())
        #expect(try await self.verdict(on: token, keys) == .believed(Self.anna, until: until))
        source.set("{\"keys\": []}")
        #expect(await keys.refresh())
        #expect(try await self.verdict(on: token, keys) == .refused(.unknownKey))
    }

    private var until: Timestamp { .epoch + .seconds(2_000) }
}
