import Primitives

/// Who was in which group, which group had which role, and which tokens were known: at any time.
///
/// The endpoints answer from what is so now, and the checker asks what was so before.
// Safe because a simulation has one thread.
package final class AccessDirectory: @unchecked Sendable {
    struct Membership: Hashable {
        let email: String
        let group: String
    }

    struct Place: Hashable {
        let group: String
        let namespace: String
    }

    private(set) var tokens: [String: AccessToken] = [:]
    private var known: [String: Timeline<Bool>] = [:]
    private var memberships: [Membership: Timeline<Bool>] = [:]
    private var roles: [Place: Timeline<Set<Role>>] = [:]
    /// In the order they were first made, so that answers do not depend on hashing.
    private(set) var groups: [String] = []
    /// What OpenFGA holds, each with a number that rises; pages go on behind one.
    private(set) var tuples: [(number: Int, tuple: AccessTuple)] = []
    private var lastTuple = 0

    package init() {}

    // Changes.

    package func add(_ token: AccessToken, isKnown: Bool = true, at time: Timestamp) {
        self.tokens[token.text] = token
        self.known[token.text] = Timeline(false)
        if isKnown { self.setKnown(token.text, true, at: time) }
    }

    /// Whoever issues tokens begins to know one, or forgets it.
    package func setKnown(_ token: String, _ isKnown: Bool, at time: Timestamp) {
        self.known[token]?.set(isKnown, at: time)
    }

    package func setMember(
        _ email: String, of group: String, _ isMember: Bool, at time: Timestamp
    ) {
        self.note(group)
        self.memberships[.init(email: email, group: group), default: Timeline(false)]
            .set(isMember, at: time)
        self.set(
            AccessTuple(user: "user:\(email)", relation: "member", object: "group:\(group)"),
            isMember)
    }

    package func setRole(
        _ role: Role, of group: String, in namespace: String, _ hasRole: Bool, at time: Timestamp
    ) {
        self.note(group)
        let place = Place(group: group, namespace: namespace)
        var roles = self.roles[place]?.current ?? []
        if hasRole { roles.insert(role) } else { roles.remove(role) }
        self.roles[place, default: Timeline([])].set(roles, at: time)
        self.set(
            AccessTuple(
                user: "group:\(group)#member", relation: "\(role)",
                object: "namespace:\(namespace)"), hasRole)
    }

    private func note(_ group: String) {
        if !self.groups.contains(group) { self.groups.append(group) }
    }

    private func set(_ tuple: AccessTuple, _ isThere: Bool) {
        let index = self.tuples.firstIndex { $0.tuple == tuple }
        if let index, !isThere { self.tuples.remove(at: index) }
        guard index == nil, isThere else { return }
        self.lastTuple += 1
        self.tuples.append((self.lastTuple, tuple))
    }

    // What is so.

    func isKnown(_ token: String) -> Bool { self.known[token]?.current ?? false }

    func isMember(_ email: String, of group: String) -> Bool {
        self.memberships[.init(email: email, group: group)]?.current ?? false
    }

    func has(_ role: Role, _ group: String, in namespace: String) -> Bool {
        self.roles[.init(group: group, namespace: namespace)]?.current.contains(role) ?? false
    }

    // What was so.

    func wasKnown(_ token: String, in window: ClosedRange<Timestamp>) -> Bounds<Bool> {
        Bounds(self.known[token]?.values(in: window) ?? [])
    }

    func wasMember(
        _ email: String, of group: String, in window: ClosedRange<Timestamp>
    ) -> Bounds<Bool> {
        let membership = self.memberships[.init(email: email, group: group)]
        return Bounds(membership?.values(in: window) ?? [])
    }

    /// The strongest role of a group.
    func role(
        of group: String, in namespace: String, _ window: ClosedRange<Timestamp>
    ) -> Bounds<Role> {
        let roles = self.roles[.init(group: group, namespace: namespace)]
        return Bounds(roles?.values(in: window).map { $0.max() ?? .none } ?? [], or: .none)
    }

    /// The namespaces where a group has ever had a role.
    func namespaces(of group: String) -> [String] {
        self.roles.keys.filter { $0.group == group }.map(\.namespace)
    }
}

/// A relationship in OpenFGA's words.
struct AccessTuple: Equatable {
    let user: String
    let relation: String
    let object: String
}

/// What somebody shows to say who they are.
package struct AccessToken: Equatable, Sendable {
    /// Why a token is never to be taken.
    package enum Defect: CaseIterable, Sendable {
        case scopeMissing, scopeInLongerWord, emailUnverified, verificationMissing
        case otherApplication, lookalikeOfRobot, expiryUnreadable
    }

    /// What all begin with; what begins like this must be seen by nobody but who issued it.
    static let secretPrefix = "simulated-token-"

    package let text: String
    package let email: String
    /// A whole second.
    package let expiresAt: Timestamp
    package let defect: Defect?

    /// Whether it is from a program, which has an application of its own.
    var isOfRobot: Bool { self.email.hasSuffix(".iam.gserviceaccount.com") }

    package init(_ name: String, email: String, expiresAt: Timestamp, defect: Defect? = nil) {
        self.text = Self.secretPrefix + name
        self.email = email
        let second = expiresAt.nanoseconds - expiresAt.nanoseconds % 1_000_000_000
        self.expiresAt = Timestamp(nanoseconds: second)
        self.defect = defect
    }
}
