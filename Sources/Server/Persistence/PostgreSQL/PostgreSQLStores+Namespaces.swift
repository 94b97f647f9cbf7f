import Persistence
import Primitives

// NamespaceStore
extension PostgreSQLStores {
    package func createNamespace(_ row: NamespaceRow) async throws(StoreError) {
        let statement = SQLStatement(
            """
            INSERT INTO namespaces (id, name, record) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
            """, [.text(row.id.rawValue), .text(row.name), .bytea(row.record)])
        try await self.write { (connection, deadline) throws(StoreError) in
            let results = try connection.write([statement], until: deadline)
            guard results[0].changedCount == 1 else { throw .namespaceTaken(row) }
        }
    }

    package func updateNamespace(_ row: NamespaceRow) async throws(StoreError) {
        let statement = SQLStatement(
            "UPDATE namespaces SET name = $2, record = $3 WHERE id = $1",
            [.text(row.id.rawValue), .text(row.name), .bytea(row.record)])
        try await self.write { (connection, deadline) throws(StoreError) in
            let results = try connection.write([statement], until: deadline) { refusal in
                refusal.code == SQLRefusal.uniqueViolation ? .namespaceTaken(row) : nil
            }
            guard results[0].changedCount == 1 else { throw .namespaceMissing(row.id) }
        }
    }

    package func namespace(named name: String) async throws(StoreError) -> NamespaceRow? {
        try await self.namespaces("WHERE name = $1", [.text(name)]).first
    }

    package func namespace(id: NamespaceID) async throws(StoreError) -> NamespaceRow? {
        try await self.namespaces("WHERE id = $1", [.text(id.rawValue)]).first
    }

    package func listNamespaces(
        after name: String?, countMax: Int
    ) async throws(StoreError) -> [NamespaceRow] {
        try await self.namespaces(
            "WHERE $1 IS NULL OR name > $1 ORDER BY name LIMIT $2",
            [.text(name), .limit(countMax)])
    }

    private func namespaces(
        _ selection: StaticString, _ parameters: [SQLParameter]
    ) async throws(StoreError) -> [NamespaceRow] {
        let statement = SQLStatement(
            "SELECT id, name, record FROM namespaces \(selection)", parameters)
        return try await self.read { (connection, deadline) throws(StoreError) in
            var rows: [NamespaceRow] = []
            for row in try connection.read(statement, until: deadline)[0].rows {
                rows.append(
                    NamespaceRow(
                        id: NamespaceID(try row.text(0)), name: try row.text(1),
                        record: try row.bytea(2)))
            }
            return rows
        }
    }
}

// ClusterStore
extension PostgreSQLStores {
    package func initializeCluster(
        _ proposed: ClusterRecord
    ) async throws(StoreError) -> ClusterRecord {
        let statements = [
            SQLStatement(
                """
                INSERT INTO cluster_metadata (id, cluster_id, shard_count) VALUES (1, $1, $2)
                ON CONFLICT DO NOTHING
                """, [.text(proposed.clusterID), .int4(proposed.shardCount)]),
            SQLStatement("SELECT cluster_id, shard_count FROM cluster_metadata", []),
        ]
        return try await self.write { (connection, deadline) throws(StoreError) in
            let results = try connection.write(statements, until: deadline)
            guard let row = results[1].first else { return proposed }
            return ClusterRecord(clusterID: try row.text(0), shardCount: try row.int4(1))
        }
    }
}
