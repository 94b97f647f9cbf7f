import Persistence
import Primitives

// NamespaceStore
extension MemoryStores {
    package func createNamespace(_ row: NamespaceRow) async throws(StoreError) {
        try self.write { (state) throws(StoreError) in
            guard state.namespaces[row.id] == nil, state.namespace(named: row.name) == nil else {
                throw .namespaceTaken(row)
            }
            state.namespaces[row.id] = row
        }
    }

    package func updateNamespace(_ row: NamespaceRow) async throws(StoreError) {
        try self.write { (state) throws(StoreError) in
            guard state.namespaces[row.id] != nil else { throw .namespaceMissing(row.id) }
            let namesake = state.namespace(named: row.name)
            guard namesake == nil || namesake?.id == row.id else { throw .namespaceTaken(row) }
            state.namespaces[row.id] = row
        }
    }

    package func namespace(named name: String) async throws(StoreError) -> NamespaceRow? {
        self.read { $0.namespace(named: name) }
    }

    package func namespace(id: NamespaceID) async throws(StoreError) -> NamespaceRow? {
        self.read { $0.namespaces[id] }
    }

    package func listNamespaces(
        after name: String?, countMax: Int
    ) async throws(StoreError) -> [NamespaceRow] {
        self.read { state in
            let rows = state.namespaces.values.filter { row in
                name.map { precedesInBytes($0, row.name) } ?? true
            }
            return Array(
                rows.sorted { precedesInBytes($0.name, $1.name) }.prefix(max(countMax, 0)))
        }
    }
}

// ClusterStore
extension MemoryStores {
    package func initializeCluster(
        _ proposed: ClusterRecord
    ) async throws(StoreError) -> ClusterRecord {
        try self.write { (state) throws(StoreError) in
            let record = state.cluster ?? proposed
            state.cluster = record
            return record
        }
    }
}

extension MemoryStores.State {
    /// Names are unique, so the order of the rows does not matter.
    func namespace(named name: String) -> NamespaceRow? {
        self.namespaces.values.first { sameBytes($0.name, name) }
    }
}
