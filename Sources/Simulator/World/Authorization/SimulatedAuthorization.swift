import Authorization
import AuthorizationService
import Frontend
import Logging
import Primitives
import ServiceClients
import SimulationKernel

/// Everything about who may call a run's node: the rules, whom it asks, and how it is wired.
// Safe because a simulation has one thread.
package final class SimulatedAuthorization: @unchecked Sendable {
    package let settings: AuthorizationSettings
    package let directory = AccessDirectory()
    package var model: AccessModel { AccessModel(self.directory, self.settings) }

    private let loop: SimulationLoop
    private let plan: FaultPlan
    private let faults: OutsideFaults
    private let fail: @Sendable (String) -> Void
    /// What each life of the node has asked.
    private var questions: [OutsideQuestions] = []
    private var tokenCount = 0
    private var random: SeededGenerator
    private var ownTokens: [String: AccessToken] = [:]

    init(
        _ loop: SimulationLoop, plan: FaultPlan, marks: ReachedMarks,
        fail: @escaping @Sendable (String) -> Void
    ) {
        self.loop = loop
        self.plan = plan
        self.fail = fail
        self.faults = OutsideFaults(loop, plan: plan, marks: marks)
        var random = loop.generator(for: "authorization")
        self.settings = AuthorizationSettings(using: &random)
        self.random = random
        self.giveRolesToPrograms()
    }

    // The world's own programs, whose roles stay.

    private static let programs = "programs@example.com"
    private static let administrator = "administrator@example.com"
    private static let groupOfPrograms = "programmers"

    private func giveRolesToPrograms() {
        let role = [Role.writer, .admin].randomElement(using: &self.random) ?? .writer
        self.directory.setMember(
            Self.administrator, of: AuthorizationSettings.operatorGroup, true, at: self.loop.now)
        self.directory.setMember(
            Self.programs, of: Self.groupOfPrograms, true, at: self.loop.now)
        self.directory.setRole(
            role, of: Self.groupOfPrograms, in: SimulatedWorld.namespace, true, at: self.loop.now)
    }

    /// The header that workers and clients send which are no matter of authorization.
    func header(asAdministrator: Bool) -> String {
        let email = asAdministrator ? Self.administrator : Self.programs
        if let token = self.ownTokens[email],
            token.expiresAt > self.loop.now + .seconds(60)
        {
            return "Bearer \(token.text)"
        }
        let token = self.makeToken(of: email, for: .seconds(3_600))
        self.ownTokens[email] = token
        return "Bearer \(token.text)"
    }

    /// Issues a token.
    package func makeToken(
        of email: String, for lifetime: Duration, defect: AccessToken.Defect? = nil,
        isKnown: Bool = true
    ) -> AccessToken {
        self.tokenCount += 1
        let token = AccessToken(
            "\(self.tokenCount)-\(self.random.next())", email: email,
            expiresAt: self.loop.now + lifetime, defect: defect)
        self.directory.add(token, isKnown: isKnown, at: self.loop.now)
        return token
    }

    // The node's part.

    /// Whether somebody outside may have been believed not to answer, at some time of `window`.
    package func wasTroubled(in window: ClosedRange<Timestamp>) -> Bool {
        self.questions.contains { $0.wasTroubled(in: window) }
    }

    /// What stands in front of one life of the node, wired as a server wires it.
    func makeGate(_ random: any RandomSource, name: String) -> AccessGate {
        let clock = SimulatedClock(self.loop)
        let exchange = SimulatedExchange(
            self.directory, self.settings, faults: self.faults, clock: clock,
            losesPages: self.plan.plantedBug == .pagesLost, fail: self.fail)
        self.questions.append(exchange.questions)
        let logger = Logger(label: name) { [loop, fail] _ in
            TraceLogHandler(loop: loop, logLevel: .info) { text in
                if Secrets.areIn(text) { fail("a secret is logged: \(text)") }
            }
        }
        let source = self.makeSource(exchange, clock, random, logger)
        let authenticator: any Authenticator =
            self.plan.plantedBug == .verdictsForgotten
            ? ForgetfulAuthenticator(source: source)
            : CachingAuthenticator(
                source: source, clock: clock, limits: .init(ageMax: self.ageMax))
        return AccessGate(
            authenticator: authenticator, policy: self.settings.mode.policy, clock: clock,
            logger: logger)
    }

    private var ageMax: Duration {
        self.settings.ageMax * (self.plan.plantedBug == .claimsNeverOld ? 1_000 : 1)
    }

    private func makeSource(
        _ exchange: SimulatedExchange, _ clock: SimulatedClock, _ random: any RandomSource,
        _ logger: Logger
    ) -> OAuthVerdicts {
        let verifier = GoogleTokenVerifier(
            url: AuthorizationSettings.tokenInfoURL, exchange: exchange, clock: clock,
            random: random, logger: logger)
        return OAuthVerdicts(
            rules: .init(
                clientID: self.settings.clientID,
                groups: GroupRules(
                    adminGroups: self.settings.adminGroups,
                    openNamespaces: self.settings.openNamespaces, mode: self.settings.mode),
                timeout: self.settings.timeout, ageMax: self.ageMax),
            verifier: self.plan.plantedBug == .expiryForgotten
                ? TimelessVerifier(verifier: verifier) : verifier,
            roles: OpenFGARoleSource(
                OpenFGAAddress(
                    url: AuthorizationSettings.openFGAURL, key: AuthorizationSettings.openFGAKey,
                    storeID: AuthorizationSettings.storeID,
                    modelID: AuthorizationSettings.modelID),
                exchange: exchange, clock: clock, random: random, logger: logger), clock: clock)
    }
}

/// What must be seen by nobody but those it is meant for.
enum Secrets {
    static func areIn(_ text: String) -> Bool {
        text.contains(AccessToken.secretPrefix) || text.contains(AuthorizationSettings.openFGAKey)
    }
}

/// A defect: asks anew for every call.
private struct ForgetfulAuthenticator: Authenticator {
    let source: OAuthVerdicts

    func verdict(onHeader header: String?) async throws(ServiceError) -> Verdict {
        guard let token = BearerHeader.token(header) else { return .refused(.noToken) }
        do throws(OutsideFailure) {
            return try await self.source.verdict(onToken: token, key: TokenHash(token))
        } catch {
            throw .unavailable("who calls cannot be verified now, please retry")
        }
    }
}

/// A defect: lets tokens live a day longer.
private struct TimelessVerifier: TokenVerifier {
    let verifier: GoogleTokenVerifier

    func facts(
        ofToken token: String, by deadline: Timestamp
    ) async throws(OutsideFailure) -> TokenFacts? {
        guard let facts = try await self.verifier.facts(ofToken: token, by: deadline) else {
            return nil
        }
        var fields = facts.fields
        if let expiry = fields["exp"].flatMap({ Int64($0) }) {
            fields["exp"] = "\(expiry + 86_400)"
        }
        return TokenFacts(fields)
    }
}
