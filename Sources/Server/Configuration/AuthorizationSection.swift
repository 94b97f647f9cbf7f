import Primitives

/// How callers are asked who they are.
package enum CallerAuthorization: Sendable, Equatable {
    /// Google says who they are, OpenFGA what they may do.
    case oauth(OAuthAuthorization)
    /// Their tokens say both.
    case jwt(JWTAuthorization)
}

/// The section `auth`.
package struct OAuthAuthorization: Sendable, Equatable {
    package enum Mode: Sendable, Equatable { case strict, charmed }

    /// Where OpenFGA is, and what is used there.
    package struct OpenFGA: Sendable, Equatable {
        package var url = ""
        package var token = Secret("")
        package var storeID = ""
        package var modelID = ""

        package init() {}
    }

    package var isEnabled = false
    /// Lists as they are written.
    package var adminGroups = ""
    package var openNamespaces = ""
    package var clientID = ""
    package var mode = Mode.strict
    package var claimsMaxAge = Duration.seconds(60)
    package var timeout = Duration.seconds(5)
    package var tokenInfoURL = "https://www.googleapis.com/oauth2/v3/tokeninfo"
    package var openFGA = OpenFGA()

    package init() {}
}

/// The section `global.authorization`.
package struct JWTAuthorization: Sendable, Equatable {
    package var keySources: [String] = []
    package var refreshInterval = Duration.seconds(60)
    package var permissionsClaim = "permissions"
    package var audience = ""

    package init() {}
}

extension OAuthAuthorization {
    init(_ section: SectionReader) {
        self.init()
        var section = section
        self.isEnabled = section.switchValue("enabled") ?? false
        self.adminGroups = section.string("adminGroups") ?? ""
        self.openNamespaces = section.string("openAccessNamespaces") ?? ""
        self.clientID = section.string("googleClientID") ?? ""
        self.mode =
            section.choice("mode", ["": .strict, "strict": .strict, "charmed": .charmed])
            ?? .strict
        self.claimsMaxAge = section.positiveDuration("claimsMaxAge") ?? self.claimsMaxAge
        self.timeout = section.positiveDuration("timeout") ?? self.timeout
        self.tokenInfoURL = section.webAddress("tokenInfoURL") ?? self.tokenInfoURL
        if let ofga = section.section("ofga") {
            self.openFGA = OpenFGA(ofga, isNeeded: self.isEnabled)
        } else if self.isEnabled {
            section.problem("\(section.name("ofga")) is missing: where OpenFGA is")
        }
        section.finish()
    }
}

extension OAuthAuthorization.OpenFGA {
    init(_ section: SectionReader, isNeeded: Bool) {
        self.init()
        var section = section
        let scheme =
            section.choice("apiScheme", ["http": "http", "https": "https"]) ?? "https"
        let host = section.valid("apiHost", "a host name or an address") { text in
            !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x2f }
        }
        let port = section.valid("apiPort", "a port") { (1...65_535).contains(Int($0) ?? 0) }
        self.token = Secret(section.string("token") ?? "")
        self.storeID = section.ulid("storeID", isNeeded: isNeeded)
        self.modelID = section.ulid("authModelID", isNeeded: isNeeded)
        if isNeeded, host == nil, !section.hasProblem(with: "apiHost") {
            section.problem("\(section.name("apiHost")) is missing")
        }
        let authority = host.map { $0.contains(":") && !$0.hasPrefix("[") ? "[\($0)]" : $0 } ?? ""
        self.url = "\(scheme)://\(authority)" + (port.map { ":\($0)" } ?? "")
        section.finish()
    }
}

extension JWTAuthorization {
    /// Nil if callers are not asked by it.
    init?(_ section: SectionReader) {
        self.init()
        var section = section
        let noop: KeyValuePairs<String, Bool> = ["": false, "noop": false, "default": true]
        let isAuthorizing = section.choice("authorizer", noop) ?? false
        let isMapping = section.choice("claimMapper", noop) ?? false
        if var provider = section.section("jwtKeyProvider") {
            self.keySources = provider.strings("keySourceURIs") ?? []
            self.refreshInterval =
                provider.positiveDuration("refreshInterval") ?? self.refreshInterval
            for source in self.keySources where !Self.isSource(source) {
                provider.problem(
                    "\(provider.name("keySourceURIs")) takes https:, http: and file: URLs")
            }
            provider.finish()
        }
        if let claim = section.string("permissionsClaimName"), !claim.isEmpty {
            self.permissionsClaim = claim
        }
        self.audience = section.string("audience") ?? ""
        section.refuse("permissionsRegex", "authHeaderName", "authExtraHeaderName")
        section.finish()
        guard isAuthorizing else { return nil }
        if !isMapping {
            section.problem(
                "\(section.name("claimMapper")) must be default where the authorizer is: "
                    + "without it nobody may do anything")
        }
        if self.keySources.isEmpty {
            section.problem(
                "\(section.name("jwtKeyProvider.keySourceURIs")) is missing: the keys tokens are "
                    + "signed with")
        }
    }

    private static func isSource(_ text: String) -> Bool {
        if text.hasPrefix("file:///") { return true }
        return (try? CallbackAddress(text)) != nil
    }
}

extension SectionReader {
    /// Values here may be quoted, as a charm's templates have them.
    fileprivate mutating func switchValue(_ key: String) -> Bool? {
        self.value(key, takes: "true or false") { text, _ in
            ["true": true, "false": false, "": false][text.lowercased()]
        }?.value
    }

    fileprivate mutating func valid(
        _ key: String, _ what: String, _ isValid: (String) -> Bool
    ) -> String? {
        self.value(key, takes: what) { text, _ in isValid(text) ? text : nil }?.value
    }

    fileprivate mutating func positiveDuration(_ key: String) -> Duration? {
        self.value(key, takes: "a duration like 60s or 500ms") { text, _ in
            Duration(written: text).flatMap { $0 > .zero ? $0 : nil }
        }?.value
    }

    fileprivate mutating func webAddress(_ key: String) -> String? {
        self.valid(key, "an http or https URL") { (try? CallbackAddress($0)) != nil }
    }

    /// An identifier in OpenFGA's form; one that is needed may still be empty for commands that
    /// make it.
    fileprivate mutating func ulid(_ key: String, isNeeded: Bool) -> String {
        let form = "an identifier of 26 digits and capital letters, as OpenFGA gives them"
        let found = self.value(key, takes: form) { text, _ in
            text.isEmpty || Self.isULID(text) ? text : nil
        }
        if isNeeded, found.map(\.value.isEmpty) ?? !self.hasProblem(with: key) {
            self.postpone(found?.node ?? self.node, "\(self.name(key)) is missing")
        }
        return found?.value ?? ""
    }

    private static func isULID(_ text: String) -> Bool {
        text.utf8.count == 26
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) && !"ILO".utf8.contains($0)
            }
    }
}
