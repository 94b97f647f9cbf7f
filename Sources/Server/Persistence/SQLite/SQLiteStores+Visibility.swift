import Persistence
import Primitives

// VisibilityStore
extension SQLiteStores {
    package func listRuns(_ query: VisibilityQuery) async throws(StoreError) -> [VisibilityRecord] {
        try await self.read { (connection) throws(StoreError) in try connection.listRuns(query) }
    }

    package func countRuns(_ query: VisibilityQuery) async throws(StoreError) -> VisibilityCount {
        try await self.read { (connection) throws(StoreError) in try connection.countRuns(query) }
    }
}
