import FoundationEssentials
import Primitives
import ServiceClients
import SimulationKernel

/// Says whose a token is, as Google's token-info endpoint does.
struct TokenInfoStandIn {
    let directory: AccessDirectory
    let settings: AuthorizationSettings

    private static let emailScope = "https://www.googleapis.com/auth/userinfo.email"

    func answer(to request: OutgoingRequest, now: Timestamp) -> HTTPAnswer {
        guard request.body == nil, let text = request.bearer,
            let token = self.directory.tokens[text], self.directory.isKnown(text)
        else { return .json(#"{"error_description": "Invalid Value"}"#, status: 400) }
        let left = (token.expiresAt - now).components.seconds
        // Some tokens are remembered for a while when their time is up.
        guard left > -30 else {
            return .json(#"{"error": "invalid_token"}"#, status: 401)
        }
        var fields = [
            ("azp", self.settings.clientID), ("aud", self.settings.clientID),
            ("sub", "1\(token.email.utf8.count)"), ("scope", "openid \(Self.emailScope)"),
            ("exp", "\(token.expiresAt.nanoseconds / 1_000_000_000)"), ("expires_in", "\(left)"),
            ("email", token.email), ("email_verified", "true"), ("access_type", "online"),
        ]
        func set(_ name: String, _ value: String?) {
            fields = fields.compactMap { field in
                guard field.0 == name else { return field }
                return value.map { (name, $0) }
            }
        }
        if token.isOfRobot { set("azp", "117") }
        switch token.defect {
        case nil: break
        case .scopeMissing: set("scope", "openid")
        case .scopeInLongerWord: set("scope", "openid \(Self.emailScope).readonly")
        case .emailUnverified: set("email_verified", "false")
        case .verificationMissing: set("email_verified", nil)
        case .otherApplication: set("azp", "another.apps.example.com")
        case .lookalikeOfRobot: set("azp", "117")
        case .expiryUnreadable: set("exp", "tomorrow")
        }
        let members = fields.map { #""\#($0.0)": "\#($0.1)""# }
        return .json("{\(members.joined(separator: ", "))}")
    }
}

extension HTTPAnswer {
    static func json(_ text: String, status: Int = 200) -> HTTPAnswer {
        HTTPAnswer(status: status, body: Array(text.utf8))
    }
}

extension OutgoingRequest {
    /// What it shows to say who sends it.
    var bearer: String? {
        let headers = self.headers.filter { $0.name == "authorization" }.map(\.value)
        guard headers.count == 1, headers[0].hasPrefix("Bearer ") else { return nil }
        return String(headers[0].dropFirst("Bearer ".count))
    }
}
