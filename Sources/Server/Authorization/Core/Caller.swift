import Primitives

/// What somebody may do.
package struct Claims: Equatable, Sendable {
    /// In every namespace, and in the cluster.
    package var system: Access?
    /// By name of the namespace.
    package var namespaces: [String: Access]

    package init(system: Access? = nil, namespaces: [String: Access] = [:]) {
        self.system = system
        self.namespaces = namespaces
    }

    /// Adds a role; the strongest one counts, whatever comes first.
    package mutating func grant(_ access: Access, in namespace: String) {
        self.namespaces[namespace] = max(self.namespaces[namespace] ?? access, access)
    }
}

/// Somebody who is believed to be who they say.
package struct Identity: Equatable, Sendable {
    /// E-mail address, or subject of a token.
    package let principal: String
    package let claims: Claims

    package init(principal: String, claims: Claims) {
        self.principal = principal
        self.claims = claims
    }
}

/// Who calls, and what they may do.
package struct Caller: Equatable, Sendable {
    private enum Rights: Equatable {
        /// Of somebody who was not asked.
        case all
        case claims(Claims, AccessPolicy)
    }

    /// E-mail address, or subject of a token; empty if nobody was asked.
    package let principal: String
    private let rights: Rights

    /// Whoever calls a server, or a frontend of one, that asks nobody.
    package static let unasked = Caller(principal: "", rights: .all)

    private init(principal: String, rights: Rights) {
        self.principal = principal
        self.rights = rights
    }

    package init(_ identity: Identity, under policy: AccessPolicy) {
        self.init(principal: identity.principal, rights: .claims(identity.claims, policy))
    }

    /// Whether they may call an RPC; `namespace` is the one the request names, or empty.
    package func may(_ rpc: RPCName, in namespace: String) -> Bool {
        switch self.rights {
        case .all: true
        case .claims(let claims, let policy): policy.allows(claims, to: rpc, in: namespace)
        }
    }

    package func may(_ access: Access, in namespace: String) -> Bool {
        switch self.rights {
        case .all: true
        case .claims(let claims, let policy): policy.allows(claims, access, in: namespace)
        }
    }
}
