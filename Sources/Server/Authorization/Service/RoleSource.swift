import Authorization
import Logging
import Primitives
import ServiceClients

/// Knows groups, their members, and what they may do.
package protocol RoleSource: Sendable {
    /// The groups somebody is a member of.
    func groups(ofUser email: String, by deadline: Timestamp) async throws(OutsideFailure)
        -> [String]
    /// What members of a group may do where.
    func roles(ofGroup group: String, by deadline: Timestamp) async throws(OutsideFailure)
        -> [GroupRole]
}

/// The tuples of an OpenFGA store.
package struct OpenFGARoleSource: RoleSource {
    private let client: OpenFGAClient

    package init(
        _ address: OpenFGAAddress, exchange: any HTTPExchange, clock: any TimeSource,
        random: any RandomSource, logger: Logger
    ) {
        self.client = OpenFGAClient(
            address: address,
            service: OutsideService(
                name: "OpenFGA", exchange: exchange, clock: clock, random: random, logger: logger))
    }

    package func groups(
        ofUser email: String, by deadline: Timestamp
    ) async throws(OutsideFailure) -> [String] {
        try await self.client.read(
            TupleFilter(user: RuleName.user(email), relation: "member", object: RuleName.group("")),
            by: deadline
        ).compactMap { RuleName.group(of: $0.object) }
    }

    package func roles(
        ofGroup group: String, by deadline: Timestamp
    ) async throws(OutsideFailure) -> [GroupRole] {
        try await self.client.read(
            TupleFilter(user: RuleName.members(of: group), object: RuleName.namespace("")),
            by: deadline
        ).compactMap { tuple in
            guard let namespace = RuleName.namespace(of: tuple.object),
                let role = NamespaceRole(rawValue: tuple.relation)
            else { return nil }
            return GroupRole(namespace: namespace, access: role.access)
        }
    }
}

/// What a group can be in a namespace; each includes the ones before it.
package enum NamespaceRole: String, CaseIterable, Sendable {
    case reader, writer, admin

    var access: Access {
        switch self {
        case .reader: .read
        case .writer: .write
        case .admin: .admin
        }
    }
}

/// How OpenFGA's objects are named.
enum RuleName {
    static func user(_ email: String) -> String { "user:\(email)" }
    static func group(_ name: String) -> String { "group:\(name)" }
    static func members(of group: String) -> String { "group:\(group)#member" }
    static func namespace(_ name: String) -> String { "namespace:\(name)" }

    static func user(of object: String) -> String? { self.rest(of: object, behind: "user:") }
    static func group(of object: String) -> String? { self.rest(of: object, behind: "group:") }
    static func namespace(of object: String) -> String? {
        self.rest(of: object, behind: "namespace:")
    }
    static func group(ofMembers userset: String) -> String? {
        guard userset.hasSuffix("#member") else { return nil }
        return self.group(of: String(userset.dropLast("#member".count)))
    }

    private static func rest(of text: String, behind prefix: String) -> String? {
        guard text.hasPrefix(prefix), text.count > prefix.count else { return nil }
        return String(text.dropFirst(prefix.count))
    }
}
