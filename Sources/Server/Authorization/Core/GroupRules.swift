/// What follows from the groups somebody is in.
package struct GroupRules: Equatable, Sendable {
    /// Groups whose members may do everything.
    package let adminGroups: Set<String>
    /// Namespaces where everybody who is believed may write.
    package let openNamespaces: [String]
    /// What members of admin groups may do, everywhere.
    private let adminAccess: Access

    /// Lists are separated by commas; spaces around names do not count, and no name is no entry.
    package init(adminGroups: String, openNamespaces: String, mode: AuthorizationMode) {
        self.adminGroups = Set(Self.names(adminGroups))
        self.openNamespaces = Self.names(openNamespaces)
        self.adminAccess = mode.adminAccess
    }

    package static func names(_ list: String) -> [String] {
        list.split { $0 == "," }.map { name in
            let start = name.drop { $0.isWhitespace }
            return String(start.dropLast(start.reversed().prefix { $0.isWhitespace }.count))
        }.filter { !$0.isEmpty }
    }

    /// What members of these groups may do by that alone; nil if it depends on the groups' roles.
    package func claims(ofMemberOf groups: [String]) -> Claims? {
        groups.contains(where: self.adminGroups.contains) ? Claims(system: self.adminAccess) : nil
    }

    /// What everybody may do who has these roles.
    package func claims(of roles: [GroupRole]) -> Claims {
        var claims = Claims()
        for name in self.openNamespaces { claims.grant(.write, in: name) }
        for role in roles { claims.grant(role.access, in: role.namespace) }
        return claims
    }
}

/// What a group may do in a namespace.
package struct GroupRole: Hashable, Sendable {
    package let namespace: String
    package let access: Access

    package init(namespace: String, access: Access) {
        self.namespace = namespace
        self.access = access
    }
}

/// How strictly roles are told apart where they come from groups.
package enum AuthorizationMode: Equatable, Sendable {
    case strict
    /// As the deployments before this server.
    case charmed

    package var policy: AccessPolicy {
        switch self {
        case .strict: .strict
        case .charmed: .charmed
        }
    }

    fileprivate var adminAccess: Access {
        switch self {
        case .strict: .admin
        case .charmed: .write
        }
    }
}
