import Authorization
import Primitives
import Testing

@Suite struct TokenFactsTests {
    private static let now = Timestamp.epoch + .seconds(1_000)
    private static let sound = [
        "azp": "client", "email": "anna@example.com", "email_verified": "true", "exp": "1001",
        "scope": "openid https://www.googleapis.com/auth/userinfo.email profile",
    ]

    private static func changed(_ changes: [String: String?]) -> [String: String] {
        var fields = Self.sound
        for (name, value) in changes { fields[name] = value }
        return fields
    }

    private static func bearer(
        _ fields: [String: String], clientID: String = "client"
    ) throws(Doubt) -> TokenFacts.Bearer {
        try TokenFacts(fields).bearer(clientID: clientID, now: Self.now)
    }

    @Test("A sound token is taken, until it expires")
    func soundToken() throws {
        #expect(
            try Self.bearer(Self.sound)
                == .init(email: "anna@example.com", expiresAt: .epoch + .seconds(1_001)))
    }

    static let refusals: [([String: String?], Doubt)] = [
        (["scope": nil], .scopeMissing), (["scope": "openid"], .scopeMissing),
        (["scope": "https://www.googleapis.com/auth/userinfo.email.readonly"], .scopeMissing),
        (["scope": "xhttps://www.googleapis.com/auth/userinfo.email"], .scopeMissing),
        (["email_verified": nil], .emailUnverified),
        (["email_verified": "false"], .emailUnverified),
        (["email_verified": "True"], .emailUnverified),
        (["email": nil], .emailUnverified), (["email": ""], .emailUnverified),
        (["email": "anna"], .emailUnverified), (["email": "a b@example.com"], .emailUnverified),
        (["email": "group:x@example.com"], .emailUnverified),
        (["email": "a@b#member"], .emailUnverified), (["email": "*@b"], .emailUnverified),
        (["exp": nil], .unreadable), (["exp": "tomorrow"], .unreadable),
        (["exp": "-5"], .unreadable), (["exp": "1e9"], .unreadable),
        (["exp": "1000"], .expired), (["exp": "999"], .expired),
        (["azp": nil], .otherApplication), (["azp": "other"], .otherApplication),
        (
            ["azp": "other", "email": "robot@x.iam.gserviceaccount.com.example.com"],
            .otherApplication
        ),
    ]

    @Test("A token is refused for what it says", arguments: Self.refusals)
    func refusal(changes: [String: String?], doubt: Doubt) {
        #expect(throws: doubt) { try Self.bearer(Self.changed(changes)) }
    }

    @Test("Service accounts have clients of their own, and no client id takes every one")
    func otherApplications() throws {
        let robot = Self.changed(["azp": "7", "email": "robot@x.iam.gserviceaccount.com"])
        #expect(try Self.bearer(robot).email == "robot@x.iam.gserviceaccount.com")
        #expect(try Self.bearer(Self.changed(["azp": "7"]), clientID: "").email.hasPrefix("anna"))
    }

    @Test("An expiry beyond all times is one")
    func farExpiry() throws {
        let far = Self.changed(["exp": "9223372036854775807"])
        #expect(try Self.bearer(far).expiresAt > Self.now)
    }

    static let headers: [(String?, String?)] = [
        (nil, nil), ("", nil), ("Bearer", nil), ("Bearer ", nil), ("Bearer  x", nil),
        ("Bearer x y", nil), ("Basic x", nil), ("x", nil), ("Bearerx", nil), ("Bearer x\n", nil),
        ("Bearer x", "x"), ("bearer x", "x"), ("BEARER ya29.a-b_c~+/=", "ya29.a-b_c~+/="),
        ("Bearer " + String(repeating: "x", count: 20_000), nil),
    ]

    @Test("A bearer token is one word behind another", arguments: Self.headers)
    func header(header: String?, token: String?) {
        #expect(BearerHeader.token(header) == token)
    }
}
