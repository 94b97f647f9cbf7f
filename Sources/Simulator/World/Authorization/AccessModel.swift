import Authorization
import Primitives

/// A call, as far as it matters to who may make it.
package struct AccessQuestion: Sendable {
    package enum Header: Equatable, Sendable {
        case none
        /// Something that is no bearer token, whatever token it holds.
        case malformed(String)
        case bearer(AccessToken)
    }

    package let rpc: RPCName
    package let header: Header
    /// The namespaces that it concerns, each of which must allow it; an empty name is none.
    package let namespaces: [String]

    package init(rpc: RPCName, header: Header, namespaces: [String]) {
        self.rpc = rpc
        self.header = header
        self.namespaces = namespaces
    }
}

/// What may become of a call.
package struct AccessPossibilities: Equatable, Sendable {
    package var isLetIn: Bool
    package var isDenied: Bool
    /// Whether somebody outside may have to be asked, who may not answer.
    package var isAsked: Bool

    static let always = Self(isLetIn: true, isDenied: false, isAsked: false)
    static let never = Self(isLetIn: false, isDenied: true, isAsked: false)
}

/// Says who might do what, when, from what was so in the directory.
///
/// Groups and roles are read one after the other while they change. So each is taken by itself for
/// what it was within the time in question, which allows a little more than any moment does.
package struct AccessModel {
    package let directory: AccessDirectory
    package let settings: AuthorizationSettings

    package init(_ directory: AccessDirectory, _ settings: AuthorizationSettings) {
        self.directory = directory
        self.settings = settings
    }

    /// What may become of a call that was made and decided in this time.
    package func possibilities(
        _ question: AccessQuestion, decidedIn time: ClosedRange<Timestamp>
    ) -> AccessPossibilities {
        let need = AccessNeed(of: question.rpc)
        if need == .nothing { return .always }
        guard need != .unmet, case .bearer(let token) = question.header else { return .never }
        // What was said longer ago than that counts no more.
        let believed = self.believed(time)
        let isBelieved = self.isBelieved(token, decidedIn: time)
        let isAllowed = question.namespaces.map { self.allows(token.email, need, in: $0, believed) }
        return AccessPossibilities(
            isLetIn: isBelieved.most && isAllowed.allSatisfy(\.most),
            isDenied: !isBelieved.least || !isAllowed.allSatisfy(\.least), isAsked: true)
    }

    /// Whether somebody may see a namespace in a list.
    func sees(
        _ namespace: String, _ token: AccessToken, decidedIn time: ClosedRange<Timestamp>
    ) -> Bounds<Bool> {
        self.allows(token.email, .role(.reader), in: namespace, self.believed(time))
    }

    /// The role somebody had in a namespace; nil if it may have been one or another.
    package func role(
        of email: String, in namespace: String, decidedIn time: ClosedRange<Timestamp>
    ) -> Role? {
        let role = self.role(of: email, in: namespace, self.believed(time))
        return role.least == role.most ? role.least : nil
    }

    /// When what counts was said, for a decision in this time.
    private func believed(_ time: ClosedRange<Timestamp>) -> ClosedRange<Timestamp> {
        (time.lowerBound + (.zero - self.settings.ageMax))...time.upperBound
    }

    private func isBelieved(
        _ token: AccessToken, decidedIn time: ClosedRange<Timestamp>
    ) -> Bounds<Bool> {
        guard !self.isDefective(token) else { return Bounds(false) }
        let isKnown = self.directory.wasKnown(token.text, in: self.believed(time))
        return Bounds(
            least: isKnown.least && token.expiresAt > time.upperBound,
            most: isKnown.most && token.expiresAt > time.lowerBound)
    }

    private func isDefective(_ token: AccessToken) -> Bool {
        switch token.defect {
        case nil: false
        // Without a client id every application's tokens are taken.
        case .otherApplication, .lookalikeOfRobot:
            !self.settings.clientID.isEmpty && !token.isOfRobot
        case .scopeMissing, .scopeInLongerWord, .emailUnverified, .verificationMissing,
            .expiryUnreadable:
            true
        }
    }

    private func allows(
        _ email: String, _ need: AccessNeed, in namespace: String,
        _ window: ClosedRange<Timestamp>
    ) -> Bounds<Bool> {
        switch need {
        case .nothing: return Bounds(true)
        case .unmet: return Bounds(false)
        case .membership: return self.hasRoleSomewhere(email, window)
        case .role(let role):
            let wanted = role == .admin && self.settings.mode == .charmed ? .writer : role
            let role = self.role(of: email, in: namespace, window)
            return Bounds(least: role.least >= wanted, most: role.most >= wanted)
        }
    }

    private func role(
        of email: String, in namespace: String, _ window: ClosedRange<Timestamp>
    ) -> Bounds<Role> {
        var least = Role.none, most = Role.none
        if self.settings.isOpen, namespace == AuthorizationSettings.openNamespace {
            (least, most) = (.writer, .writer)
        }
        for group in self.directory.groups {
            let isMember = self.directory.wasMember(email, of: group, in: window)
            let role =
                group == AuthorizationSettings.operatorGroup
                ? Bounds(.operator) : self.directory.role(of: group, in: namespace, window)
            if isMember.least { least = max(least, role.least) }
            if isMember.most { most = max(most, role.most) }
        }
        return Bounds(least: least, most: most)
    }

    private func hasRoleSomewhere(
        _ email: String, _ window: ClosedRange<Timestamp>
    ) -> Bounds<Bool> {
        if self.settings.isOpen { return Bounds(true) }
        var places = [""]
        for group in self.directory.groups
        where self.directory.wasMember(email, of: group, in: window).most {
            places += self.directory.namespaces(of: group)
        }
        let roles = places.map { self.role(of: email, in: $0, window) }
        return Bounds(
            least: roles.contains { $0.least > .none }, most: roles.contains { $0.most > .none })
    }
}
