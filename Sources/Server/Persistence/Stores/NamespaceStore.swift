import Primitives

/// Stores namespaces.
package protocol NamespaceStore: Sendable {
    /// - Throws: ``StoreError/conditionFailed(_:)`` if the name or the id is taken.
    func createNamespace(_ row: NamespaceRow) async throws(StoreError)
    /// Replaces the row with the same id; its name may change.
    func updateNamespace(_ row: NamespaceRow) async throws(StoreError)
    func namespace(named name: String) async throws(StoreError) -> NamespaceRow?
    func namespace(id: NamespaceID) async throws(StoreError) -> NamespaceRow?
    /// By name, strictly behind `after`.
    func listNamespaces(
        after name: String?, countMax: Int
    ) async throws(StoreError) -> [NamespaceRow]
}

package struct NamespaceRow: Sendable, Equatable {
    package let id: NamespaceID
    package let name: String
    /// A serialized `Namespace` record.
    package let record: [UInt8]

    package init(id: NamespaceID, name: String, record: [UInt8]) {
        self.id = id
        self.name = name
        self.record = record
    }
}

/// Facts about the whole cluster that the first node decides, once.
package protocol ClusterStore: Sendable {
    /// Stores `proposed` if nothing is stored yet; returns what is stored.
    func initializeCluster(_ proposed: ClusterRecord) async throws(StoreError) -> ClusterRecord
}

package struct ClusterRecord: Sendable, Equatable {
    package let clusterID: String
    package let shardCount: Int32

    package init(clusterID: String, shardCount: Int32) {
        self.clusterID = clusterID
        self.shardCount = shardCount
    }
}
