import Primitives

/// How claims are held against what an RPC takes.
package struct AccessPolicy: Equatable, Sendable {
    /// Whether there is something a writer may not do.
    private let hasAdminTier: Bool
    /// Whether a role in some namespace lets SDKs and the UI read of the cluster what they need.
    private let opensClusterToMembers: Bool

    package static let strict = AccessPolicy(hasAdminTier: true, opensClusterToMembers: true)
    /// As deployments have it that came before this server: a writer does what else takes an admin.
    package static let charmed = AccessPolicy(hasAdminTier: false, opensClusterToMembers: true)
    /// As Temporal's default authorizer has it.
    package static let temporal = AccessPolicy(hasAdminTier: true, opensClusterToMembers: false)

    package func allows(_ claims: Claims, to rpc: RPCName, in namespace: String) -> Bool {
        switch AccessTable.requirement(of: rpc) {
        case nil: false
        case .nothing: true
        case .membership:
            self.opensClusterToMembers && !claims.namespaces.isEmpty || claims.system != nil
        case .access(let access, to: .namespace): self.allows(claims, access, in: namespace)
        case .access(let access, to: .cluster): self.allows(claims, access, in: "")
        }
    }

    /// Whether claims are enough in a namespace; the empty name stands for the cluster.
    package func allows(_ claims: Claims, _ access: Access, in namespace: String) -> Bool {
        let wanted = self.hasAdminTier ? access : min(access, .write)
        if let system = claims.system, system >= wanted { return true }
        guard !namespace.isEmpty, let role = claims.namespaces[namespace] else { return false }
        return role >= wanted
    }
}
