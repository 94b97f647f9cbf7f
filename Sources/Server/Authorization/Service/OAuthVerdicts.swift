import Authorization
import Primitives
import Synchronization

/// What to think of OAuth access tokens: who they are from is asked of the one who issued them, and
/// what that person may do, of the one who knows groups.
package final class OAuthVerdicts: VerdictSource {
    package struct Rules: Sendable {
        /// Tokens must be made for it, unless it is empty.
        package let clientID: String
        package let groups: GroupRules
        /// How long both together may take.
        package let timeout: Duration
        /// How long what was said is believed.
        package let ageMax: Duration

        package init(clientID: String, groups: GroupRules, timeout: Duration, ageMax: Duration) {
            self.clientID = clientID
            self.groups = groups
            self.timeout = timeout
            self.ageMax = ageMax
        }
    }

    private struct Known: Sendable {
        let facts: TokenFacts
        let askedAt: Timestamp
    }

    /// Groups whose roles are asked for at a time.
    private static let groupsAtATime = 8
    private static let factsMax = 10_000

    private let rules: Rules
    private let verifier: any TokenVerifier
    private let roles: any RoleSource
    private let clock: any TimeSource
    /// So that the verifier is not asked again because the other one did not answer.
    private let known = Mutex(RecentEntries<TokenHash, Known>(weightMax: factsMax))

    package init(
        rules: Rules, verifier: any TokenVerifier, roles: any RoleSource, clock: any TimeSource
    ) {
        self.rules = rules
        self.verifier = verifier
        self.roles = roles
        self.clock = clock
    }

    package func verdict(
        onToken token: String, key: TokenHash
    ) async throws(OutsideFailure) -> Verdict {
        let deadline = self.clock.now() + self.rules.timeout
        guard let known = try await self.facts(ofToken: token, key, by: deadline) else {
            return .refused(.unknownToken)
        }
        let bearer: TokenFacts.Bearer
        do throws(Doubt) {
            bearer = try known.facts.bearer(clientID: self.rules.clientID, now: self.clock.now())
        } catch {
            return .refused(error)
        }
        let claims = try await self.claims(of: bearer.email, by: deadline)
        self.known.withLock { $0[key] = nil }
        return .believed(
            Identity(principal: bearer.email, claims: claims),
            until: min(known.askedAt + self.rules.ageMax, bearer.expiresAt))
    }

    private func facts(
        ofToken token: String, _ key: TokenHash, by deadline: Timestamp
    ) async throws(OutsideFailure) -> Known? {
        let askedAt = self.clock.now()
        if let known = self.known.withLock({ $0[key] }),
            known.askedAt + self.rules.ageMax > askedAt
        {
            return known
        }
        guard let facts = try await self.verifier.facts(ofToken: token, by: deadline) else {
            return nil
        }
        let known = Known(facts: facts, askedAt: askedAt)
        self.known.withLock { $0[key] = known }
        return known
    }

    private func claims(
        of email: String, by deadline: Timestamp
    ) async throws(OutsideFailure) -> Claims {
        let groups = try await self.roles.groups(ofUser: email, by: deadline)
        if let claims = self.rules.groups.claims(ofMemberOf: groups) { return claims }
        return self.rules.groups.claims(of: try await self.roles(ofGroups: groups, by: deadline))
    }

    /// The roles of all groups; some at a time, so that many groups take neither long nor much.
    private func roles(
        ofGroups groups: [String], by deadline: Timestamp
    ) async throws(OutsideFailure) -> [GroupRole] {
        typealias Answer = Result<[GroupRole], OutsideFailure>
        let source = self.roles
        let answers = await withTaskGroup(of: Answer.self) { tasks in
            var waiting = groups[...]
            var answers: [Answer] = []
            for _ in 0..<Self.groupsAtATime {
                guard let group = waiting.popFirst() else { break }
                tasks.addTask { await source.answer(forGroup: group, by: deadline) }
            }
            while let answer = await tasks.next() {
                answers.append(answer)
                guard case .success = answer, let group = waiting.popFirst() else { continue }
                tasks.addTask { await source.answer(forGroup: group, by: deadline) }
            }
            return answers
        }
        var roles: [GroupRole] = []
        for answer in answers { roles += try answer.get() }
        return roles
    }
}

extension RoleSource {
    fileprivate func answer(
        forGroup group: String, by deadline: Timestamp
    ) async -> Result<[GroupRole], OutsideFailure> {
        do throws(OutsideFailure) {
            return .success(try await self.roles(ofGroup: group, by: deadline))
        } catch {
            return .failure(error)
        }
    }
}
