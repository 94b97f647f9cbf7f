/// The claim of a JSON Web Token that says what its holder may do: `"<namespace>:<role>"`, as in
/// Temporal.
package enum Permissions {
    /// Stands for every namespace and the cluster.
    private static let systemNamespace = "temporal-system"

    package static func claims(_ entries: [String]) -> Claims {
        var claims = Claims()
        for entry in entries {
            let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let access = self.access(parts[1]) else {
                continue
            }
            if parts[0] == self.systemNamespace {
                claims.system = max(claims.system ?? access, access)
            } else {
                claims.grant(access, in: String(parts[0]))
            }
        }
        return claims
    }

    /// The role `worker` is below everything an RPC takes, so it is as none.
    private static func access(_ role: Substring) -> Access? {
        switch role.lowercased() {
        case "read": .read
        case "write": .write
        case "admin": .admin
        default: nil
        }
    }
}
