import Authorization
import AuthorizationService
import Frontend
import GRPCTransport
import Logging
import Primitives
import ServiceClients
import StaticConfiguration

/// What a server has that asks its callers who they are.
struct CallerVerification: Sendable {
    let gate: AccessGate
    /// What goes on beside the calls; ends when it is cancelled.
    let run: (@Sendable () async -> Void)?
    let shutdown: @Sendable () async -> Void

    /// Nil if callers are not asked.
    static func make(
        _ plan: ServerPlan, clock: any TimeSource, random: any RandomSource
    ) async -> CallerVerification? {
        guard let authorization = plan.authorization else { return nil }
        let exchange = HTTPClientExchange()
        let logger = Logger(label: "authorization")
        switch authorization {
        case .oauth(let oauth):
            let authenticator = CachingAuthenticator(
                source: OAuthVerdicts(oauth, exchange, clock, random, logger), clock: clock,
                limits: .init(ageMax: oauth.claimsMaxAge))
            return CallerVerification(
                gate: AccessGate(
                    authenticator: authenticator, policy: oauth.accessMode.policy, clock: clock,
                    logger: logger),
                run: nil, shutdown: exchange.shutdown)
        case .jwt(let jwt):
            let keys = SigningKeys(
                sources: jwt.keySources.map { Self.keySource($0, exchange) },
                interval: jwt.refreshInterval, clock: clock, logger: logger)
            let authenticator = CachingAuthenticator(
                source: JWTVerdicts(
                    rules: .init(permissionsClaim: jwt.permissionsClaim, audience: jwt.audience),
                    keys: keys, clock: clock),
                clock: clock, limits: .init(ageMax: .seconds(60)))
            _ = await keys.refresh()
            return CallerVerification(
                gate: AccessGate(
                    authenticator: authenticator, policy: .temporal, clock: clock, logger: logger),
                run: { await keys.run { authenticator.forgetAll() } },
                shutdown: exchange.shutdown)
        }
    }

    private static func keySource(
        _ url: String, _ exchange: any HTTPExchange
    ) -> any KeySetSource {
        guard url.hasPrefix("file://") else {
            return HTTPKeySetSource(url: url, exchange: exchange)
        }
        return FileKeySetSource(path: String(url.dropFirst("file://".count)))
    }
}

/// A set of keys in a file.
private struct FileKeySetSource: KeySetSource {
    let path: String

    var place: String { self.path }

    func read(timeout: Duration) async throws(OutsideFailure) -> [UInt8] {
        do throws(ConfigurationError) {
            return Array(try TextFile.read(self.path).utf8)
        } catch {
            throw .unreachable(reason: error.description)
        }
    }
}

extension OAuthAuthorization {
    fileprivate var accessMode: AuthorizationMode {
        switch self.mode {
        case .strict: .strict
        case .charmed: .charmed
        }
    }

    /// The groups whose members may do everything.
    package var adminGroupNames: [String] { GroupRules.names(self.adminGroups) }

    fileprivate var groupRules: GroupRules {
        GroupRules(
            adminGroups: self.adminGroups, openNamespaces: self.openNamespaces,
            mode: self.accessMode)
    }
}

extension OAuthVerdicts {
    fileprivate convenience init(
        _ oauth: OAuthAuthorization, _ exchange: any HTTPExchange, _ clock: any TimeSource,
        _ random: any RandomSource, _ logger: Logger
    ) {
        self.init(
            rules: Rules(
                clientID: oauth.clientID, groups: oauth.groupRules, timeout: oauth.timeout,
                ageMax: oauth.claimsMaxAge),
            verifier: GoogleTokenVerifier(
                url: oauth.tokenInfoURL, exchange: exchange, clock: clock, random: random,
                logger: logger),
            roles: OpenFGARoleSource(
                OpenFGAAddress(oauth.openFGA), exchange: exchange, clock: clock, random: random,
                logger: logger),
            clock: clock)
    }
}

extension OpenFGAAddress {
    init(_ openFGA: OAuthAuthorization.OpenFGA) {
        self.init(
            url: openFGA.url, key: openFGA.token.value, storeID: openFGA.storeID,
            modelID: openFGA.modelID)
    }
}
