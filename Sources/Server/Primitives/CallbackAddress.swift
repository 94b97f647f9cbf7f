/// What of a callback's URL decides where it goes and whether it may.
///
/// Stricter than most parsers on purpose: a URL that two parsers could read differently is none, so
/// that what is checked is what is called.
package struct CallbackAddress: Equatable, Sendable {
    package enum Flaw: Error, Equatable, Sendable {
        case malformed
        /// Neither http nor https; with the URL as it may be shown.
        case unknownScheme(String)
        case missingHost
    }

    /// `http` or `https`.
    package let scheme: String
    /// With the port, if the URL has one.
    package let host: String
    /// The URL without what may be secret: user, query and fragment.
    package let shown: String

    package init(_ url: String) throws(Flaw) {
        guard url.utf8.allSatisfy(Self.isAllowed) else { throw .malformed }
        let scheme = url.prefix { $0 != ":" }
        guard scheme.count < url.count, Self.isScheme(scheme) else {
            throw .unknownScheme(String(url.prefix { $0 != "?" && $0 != "#" && $0 != "@" }))
        }
        var rest = url.dropFirst(scheme.count + 1).prefix { $0 != "?" && $0 != "#" }
        var authority = Substring()
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            authority = rest.prefix { $0 != "/" }
            rest = rest.dropFirst(authority.count)
        }
        if let at = authority.lastIndex(of: "@") {
            authority = authority[authority.index(after: at)...]
        }
        let name = scheme.lowercased()
        let shown = "\(name)://\(authority)\(rest)"
        guard name == "http" || name == "https" else { throw .unknownScheme(shown) }
        guard !authority.isEmpty, authority.first != ":" else { throw .missingHost }
        guard Self.isHost(authority) else { throw .malformed }
        self.scheme = name
        self.host = String(authority)
        self.shown = shown
    }

    /// Calls to the same destination share its fate.
    package var destination: String { "\(self.scheme)://\(self.host.lowercased())" }

    /// What RFC 3986 lets a URL be made of.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        Self.isAlphanumeric(byte) || "-._~:/?#[]@!$&'()*+,;=%".utf8.contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: false
        }
    }

    private static func isScheme(_ text: Substring) -> Bool {
        text.utf8.first.map { $0 >= 65 && Self.isAlphanumeric($0) } ?? false
            && text.utf8.allSatisfy { Self.isAlphanumeric($0) || "+-.".utf8.contains($0) }
    }

    /// A name or an address, and at most a port.
    private static func isHost(_ text: Substring) -> Bool {
        var name = text
        var port = Substring()
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return false }
            name = text[text.index(after: text.startIndex)..<end]
            port = text[text.index(after: end)...]
            guard name.utf8.allSatisfy({ Self.isAlphanumeric($0) || ":.".utf8.contains($0) })
            else { return false }
        } else {
            name = text.prefix { $0 != ":" }
            port = text.dropFirst(name.count)
            guard name.utf8.allSatisfy({ Self.isAlphanumeric($0) || "-._".utf8.contains($0) })
            else { return false }
        }
        guard !name.isEmpty else { return false }
        if port.isEmpty { return true }
        return port.first == ":" && port.dropFirst().utf8.allSatisfy { 48...57 ~= $0 }
            && port.count > 1 && (UInt16(port.dropFirst()) ?? 0) > 0
    }
}
