import Persistence
import Primitives

// NamespaceStore
extension SQLiteStores {
    package func createNamespace(_ row: NamespaceRow) async throws(StoreError) {
        try await self.write { (connection) throws(StoreError) in
            let count = try connection.run(
                "INSERT INTO namespaces (id, name, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                .text(row.id.rawValue), .text(row.name), .blob(row.record))
            guard count == 1 else { throw .namespaceTaken(row) }
        }
    }

    package func updateNamespace(_ row: NamespaceRow) async throws(StoreError) {
        try await self.write { (connection) throws(StoreError) in
            guard try connection.namespace("id", row.id.rawValue) != nil else {
                throw .namespaceMissing(row.id)
            }
            let namesake = try connection.namespace("name", row.name)
            guard namesake == nil || namesake?.id == row.id else { throw .namespaceTaken(row) }
            try connection.run(
                "UPDATE namespaces SET name = ?, record = ? WHERE id = ?",
                .text(row.name), .blob(row.record), .text(row.id.rawValue))
        }
    }

    package func namespace(named name: String) async throws(StoreError) -> NamespaceRow? {
        try await self.read { (connection) throws(StoreError) in
            try connection.namespace("name", name)
        }
    }

    package func namespace(id: NamespaceID) async throws(StoreError) -> NamespaceRow? {
        try await self.read { (connection) throws(StoreError) in
            try connection.namespace("id", id.rawValue)
        }
    }

    package func listNamespaces(
        after name: String?, countMax: Int
    ) async throws(StoreError) -> [NamespaceRow] {
        try await self.read { (connection) throws(StoreError) in
            try connection.query(
                """
                SELECT id, name, record FROM namespaces
                WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2
                """,
                [.optional(name), .limit(countMax)]
            ) { (row) throws(StoreError) -> NamespaceRow? in try NamespaceRow(row) }
        }
    }
}

// ClusterStore
extension SQLiteStores {
    package func initializeCluster(
        _ proposed: ClusterRecord
    ) async throws(StoreError) -> ClusterRecord {
        try await self.write { (connection) throws(StoreError) in
            try connection.run(
                """
                INSERT INTO cluster_metadata (id, cluster_id, shard_count) VALUES (1, ?, ?)
                ON CONFLICT DO NOTHING
                """,
                .text(proposed.clusterID), .integer(Int64(proposed.shardCount)))
            let stored = try connection.first(
                "SELECT cluster_id, shard_count FROM cluster_metadata"
            ) { (row) throws(StoreError) in
                ClusterRecord(clusterID: try row.text(0), shardCount: try row.int32(1))
            }
            return stored ?? proposed
        }
    }
}

extension SQLiteConnection {
    /// The namespace whose unique `column` holds `value`.
    fileprivate func namespace(
        _ column: StaticString, _ value: String
    ) throws(StoreError) -> NamespaceRow? {
        try self.first(
            "SELECT id, name, record FROM namespaces WHERE \(column) = ?", .text(value)
        ) { (row) throws(StoreError) in try NamespaceRow(row) }
    }
}

extension NamespaceRow {
    fileprivate init(_ row: borrowing SQLiteRow) throws(StoreError) {
        self.init(
            id: NamespaceID(try row.text(0)), name: try row.text(1), record: try row.blob(2))
    }
}
