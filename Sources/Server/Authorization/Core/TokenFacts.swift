import Primitives

/// What Google says of an access token: texts by name.
package struct TokenFacts: Equatable, Sendable {
    package let fields: [String: String]

    package init(_ fields: [String: String]) { self.fields = fields }

    private static let emailScope = "https://www.googleapis.com/auth/userinfo.email"
    private static let serviceAccountSuffix = ".iam.gserviceaccount.com"

    /// Somebody whose token is taken.
    package struct Bearer: Equatable, Sendable {
        package let email: String
        package let expiresAt: Timestamp

        package init(email: String, expiresAt: Timestamp) {
            self.email = email
            self.expiresAt = expiresAt
        }
    }

    /// Whose token this is, if it is taken now.
    ///
    /// - Parameters:
    ///   - clientID: the application tokens must be made for; empty takes those of every one.
    ///   - now: the current time.
    /// - Returns: who it is from, and until when it is.
    /// - Throws: why it is not taken.
    package func bearer(clientID: String, now: Timestamp) throws(Doubt) -> Bearer {
        let scopes = self.fields["scope", default: ""].split(separator: " ")
        guard scopes.contains(where: { $0 == Self.emailScope }) else { throw .scopeMissing }
        guard self.fields["email_verified"] == "true",
            let email = self.fields["email"], Self.isAddress(email)
        else { throw .emailUnverified }
        guard let expiry = self.fields["exp"].flatMap(Self.time) else { throw .unreadable }
        guard expiry > now else { throw .expired }
        guard
            clientID.isEmpty || email.hasSuffix(Self.serviceAccountSuffix)
                || self.fields["azp"] == clientID
        else { throw .otherApplication }
        return Bearer(email: email, expiresAt: expiry)
    }

    /// Seconds since 1970.
    private static func time(_ text: String) -> Timestamp? {
        guard let seconds = Int64(text), seconds > 0 else { return nil }
        return .epoch + .seconds(min(seconds, Int64.max / 1_000_000_000))
    }

    /// Whether a name can stand for one person in a rule, and for nothing else.
    private static func isAddress(_ text: String) -> Bool {
        (3...254).contains(text.utf8.count) && text.utf8.contains(UInt8(ascii: "@"))
            && text.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7f && !$0.properties.isWhitespace
                    && !":#*".unicodeScalars.contains($0)
            }
    }
}
