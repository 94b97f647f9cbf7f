import DynamicConfig
import Primitives
import TemporalAPI

/// The states a namespace may be in for an RPC to be done.
struct NamespaceStates: Sendable, Equatable {
    let allowed: [NamespaceState]

    /// New workflows start only here.
    static let registered = NamespaceStates(allowed: [.registered])
    /// What runs in a deprecated namespace runs on.
    static let usable = NamespaceStates(allowed: [.registered, .deprecated])

    /// - Throws: `namespaceInvalidState` if the namespace is in another state.
    func check(_ namespace: Namespace) throws(ServiceError) {
        guard !self.allowed.contains(namespace.state) else { return }
        let names = self.allowed.map(\.displayName).joined(separator: " or ")
        throw ServiceError(
            .namespaceInvalidState(
                name: namespace.name, state: namespace.state, allowed: self.allowed),
            "Namespace has invalid state: \(namespace.state.displayName). Must be \(names).")
    }
}

extension NamespaceState {
    var displayName: String {
        switch self {
        case .unspecified: "Unspecified"
        case .registered: "Registered"
        case .deprecated: "Deprecated"
        case .deleted: "Deleted"
        case .UNRECOGNIZED(let number): String(number)
        }
    }
}

extension FrontendService {
    /// The namespace a request names, if it may be used.
    func resolve(
        _ name: String, states: NamespaceStates = .usable
    ) async throws(ServiceError) -> Namespace {
        guard !name.isEmpty else { throw .namespaceEmpty }
        try self.checkNamespaceLength(name)
        let namespace = try await self.namespaces.namespace(named: name)
        try states.check(namespace)
        return namespace
    }

    /// The namespace of a task token, which must be the one the request names, if it names one.
    func resolve(
        _ name: String, tokenNamespaceID: NamespaceID
    ) async throws(ServiceError) -> Namespace {
        try self.checkNamespaceLength(name)
        guard !name.isEmpty else {
            let namespace = try await self.namespaces.namespace(id: tokenNamespaceID)
            try NamespaceStates.usable.check(namespace)
            return namespace
        }
        let namespace = try await self.resolve(name)
        guard namespace.id == tokenNamespaceID else { throw .tokenOfAnotherNamespace }
        return namespace
    }

    func checkNamespaceLength(_ name: String) throws(ServiceError) {
        guard name.utf8.count <= self.settings.idLengthMax else { throw .namespaceTooLong }
    }
}
