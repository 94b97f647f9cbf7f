import Persistence
import Primitives

// VisibilityStore
extension PostgreSQLStores {
    package func listRuns(_ query: VisibilityQuery) async throws(StoreError) -> [VisibilityRecord] {
        try await self.list { (connection, deadline) throws(StoreError) in
            try connection.listRuns(query, until: deadline)
        }
    }

    package func countRuns(_ query: VisibilityQuery) async throws(StoreError) -> VisibilityCount {
        try await self.list { (connection, deadline) throws(StoreError) in
            try connection.countRuns(query, until: deadline)
        }
    }
}
