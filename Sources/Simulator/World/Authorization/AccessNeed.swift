import Primitives

/// What a group can be in a namespace; each includes the ones before it.
package enum Role: Int, Comparable, CaseIterable, Sendable {
    case none
    case reader
    case writer
    case admin
    /// Of the whole system, which no group is by a role.
    case `operator`

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// What a rule may say.
    static let ofRules: [Role] = [.reader, .writer, .admin]
}

/// What an RPC takes of its caller.
///
/// Told from the rules in words and the RPC's name, and from no table: the server has one, and this
/// is what it is held against.
package enum AccessNeed: Equatable, Sendable {
    /// Anybody may call it, known or not.
    case nothing
    /// Whoever has a role in some namespace may.
    case membership
    /// Whoever has this role in the namespace that the request names may.
    case role(Role)
    /// Nobody may call what nobody knows.
    case unmet

    /// A method that no service has.
    static let unknownMethod = "GrantEverything"

    private static let readingWords: Set<String> = [
        "Describe", "Get", "List", "Count", "Scan", "Query", "Fetch", "Validate",
    ]

    package init(of rpc: RPCName) {
        switch rpc.service {
        case "temporal.api.workflowservice.v1.WorkflowService": self.init(ofWorkflows: rpc.method)
        case "temporal.api.operatorservice.v1.OperatorService": self.init(ofOperators: rpc.method)
        case "temporal.server.api.adminservice.v1.AdminService",
            "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection":
            self = .role(.operator)
        case "grpc.health.v1.Health":
            self = rpc.method == "Check" ? .nothing : .role(.operator)
        default: self = .unmet
        }
    }

    private init(ofWorkflows method: String) {
        switch method {
        case "GetSystemInfo": self = .nothing
        case "GetClusterInfo", "ListNamespaces", "GetSearchAttributes": self = .membership
        case "RegisterNamespace", "UpdateNamespace", "DeprecateNamespace": self = .role(.admin)
        case Self.unknownMethod: self = .unmet
        default: self = .role(Self.reads(method) ? .reader : .writer)
        }
    }

    private init(ofOperators method: String) {
        switch method {
        case "ListSearchAttributes": self = .role(.reader)
        case "AddSearchAttributes", "RemoveSearchAttributes", "DeleteNamespace":
            self = .role(.admin)
        default: self = .role(.operator)
        }
    }

    /// Whether a method only looks, as polls of results do; those of workers take tasks.
    private static func reads(_ method: String) -> Bool {
        let tail = method.dropFirst()
        let word = method.prefix(1) + tail.prefix { $0.isLowercase }
        if word == "Poll" { return !method.hasSuffix("TaskQueue") }
        return Self.readingWords.contains(String(word))
    }
}
