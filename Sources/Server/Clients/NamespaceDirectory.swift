import Primitives

/// Where a host looks namespaces up.
package protocol NamespaceDirectory: Sendable {
    /// - Throws: `namespaceNotFound` if there is none with this id, `unavailable`.
    func reference(to id: NamespaceID) async throws(ServiceError) -> NamespaceReference
}
