/// How much somebody may do; more includes less.
package enum Access: Int, Comparable, Sendable, CaseIterable {
    case read = 1
    case write
    /// Changes to a namespace itself, or to the cluster.
    case admin

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What an RPC is about.
package enum Scope: Equatable, Sendable {
    /// The namespace its request names.
    case namespace
    case cluster
}

/// What an RPC takes of its caller.
package enum Requirement: Equatable, Sendable {
    /// Answered to everybody, known or not.
    case nothing
    /// Read of the cluster by SDKs and the UI: for everybody who has a role somewhere.
    case membership
    case access(Access, to: Scope)
}
