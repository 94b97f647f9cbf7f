import Authorization
import FoundationEssentials
import JWTKit
import Primitives

/// What to think of JSON Web Tokens: whose key they are signed with, and what they say.
package final class JWTVerdicts: VerdictSource {
    package struct Rules: Sendable {
        /// The claim with the permissions.
        package let permissionsClaim: String
        /// Whom tokens must be for; empty takes those for anybody.
        package let audience: String

        package init(permissionsClaim: String, audience: String) {
            self.permissionsClaim = permissionsClaim
            self.audience = audience
        }
    }

    private let rules: Rules
    private let keys: SigningKeys
    private let clock: any TimeSource

    package init(rules: Rules, keys: SigningKeys, clock: any TimeSource) {
        self.rules = rules
        self.keys = keys
        self.clock = clock
    }

    package func verdict(
        onToken token: String, key: TokenHash
    ) async throws(OutsideFailure) -> Verdict {
        let parsed: (header: JWTHeader, payload: TokenBody, signature: Data)
        do {
            parsed = try DefaultJWTParser().parse(Data(token.utf8), as: TokenBody.self)
        } catch {
            return .refused(.unreadable)
        }
        guard let algorithm = parsed.header.alg, let kid = parsed.header.kid,
            let signed = token.lastIndex(of: ".")
        else { return .refused(.unreadable) }
        guard let key = self.keys.key(named: kid), key.algorithm == algorithm else {
            // It may be one of a source that could not be read yet.
            if !self.keys.areComplete { throw .spared }
            return .refused(.unknownKey)
        }
        guard key.verifies(parsed.signature, of: Data(token[..<signed].utf8)) else {
            return .refused(.badSignature)
        }
        do throws(Doubt) {
            return try self.verdict(on: parsed.payload)
        } catch {
            return .refused(error)
        }
    }

    private func verdict(on body: TokenBody) throws(Doubt) -> Verdict {
        guard case .text(let subject) = body.claims["sub"] else { throw .unreadable }
        let now = self.clock.now()
        let expiry = try body.time("exp") ?? .distantFuture
        guard expiry > now else { throw .expired }
        guard try body.time("nbf") ?? .epoch <= now else { throw .notYetValid }
        if !self.rules.audience.isEmpty {
            guard body.texts("aud").contains(self.rules.audience) else { throw .otherAudience }
        }
        var permissions: [String] = []
        if case .list(let entries) = body.claims[self.rules.permissionsClaim] {
            permissions = entries.compactMap(\.text)
        }
        return .believed(
            Identity(principal: subject, claims: Permissions.claims(permissions)), until: expiry)
    }
}

/// What a token says.
private struct TokenBody: JWTPayload {
    let claims: [String: JSONValue]

    init(from decoder: any Decoder) throws {
        self.claims = try [String: JSONValue](from: decoder)
    }

    func encode(to encoder: any Encoder) throws { try self.claims.encode(to: encoder) }

    /// Nothing is believed before the signature was looked at, so this is done elsewhere.
    func verify(using algorithm: some JWTAlgorithm) async throws {}

    /// Seconds since 1970; nil if the claim is missing.
    func time(_ name: String) throws(Doubt) -> Timestamp? {
        switch self.claims[name] {
        case nil: return nil
        case .number(let seconds) where abs(seconds) < 9e9:
            return Timestamp(nanoseconds: Int64(seconds * 1e9))
        default: throw .unreadable
        }
    }

    /// A text, or a list of them.
    func texts(_ name: String) -> [String] {
        switch self.claims[name] {
        case .text(let text): [text]
        case .list(let entries): entries.compactMap(\.text)
        case .number, .other, nil: []
        }
    }
}
