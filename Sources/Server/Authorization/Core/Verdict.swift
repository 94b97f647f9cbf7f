import Primitives

/// What is thought of a token.
package enum Verdict: Equatable, Sendable {
    /// Believed, at most until then.
    case believed(Identity, until: Timestamp)
    case refused(Doubt)
}

/// Why somebody is not believed; for the log, and never with the token.
package enum Doubt: String, Error, Equatable, Sendable {
    case noToken = "there is no bearer token"
    case unknownToken = "the token is not known to whom it is from"
    case expired = "the token has expired"
    case notYetValid = "the token is not valid yet"
    case unreadable = "the token says of itself what cannot be"
    case scopeMissing = "the token has no e-mail scope"
    case emailUnverified = "the e-mail address is not verified"
    case otherApplication = "the token was made for another application"
    case otherAudience = "the token is for another audience"
    case unknownKey = "the token is signed by an unknown key"
    case badSignature = "the token's signature does not hold"
}

/// The header that callers show a token in.
package enum BearerHeader {
    /// Bytes of a token that is looked at.
    private static let tokenSizeMax = 16_384

    /// The token of a header like `Bearer …`; nil if it is none.
    package static func token(_ header: String?) -> String? {
        guard let header, header.utf8.count <= self.tokenSizeMax else { return nil }
        let words = header.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, words[0].lowercased() == "bearer",
            !words[1].isEmpty, words[1].utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        return String(words[1])
    }
}
