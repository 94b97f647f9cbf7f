import Persistence
import PersistenceMemory
import PersistenceSQLite
import Primitives
import Testing

/// Every answer of the stores in SQLite is the answer of the stores in memory.
@Suite struct StoreEquivalenceTests {
    @Test("Random operations have the same outcomes in memory and in SQLite", arguments: 1...6)
    func operationsAgree(_ seed: UInt64) async throws {
        let memory = MemoryStores()
        let sqlite = try SQLiteStores.open(location: .ephemeral)
        var generator = RandomOperations(seed: seed)
        for step in 0..<400 {
            let operation = try await generator.next(given: memory)
            let expected = await operation.outcome(on: memory)
            let found = await operation.outcome(on: sqlite)
            try #require(found == expected, "seed \(seed), step \(step): \(operation)")
        }
        for shard in RandomOperations.shards {
            let expected = try await ShardContents(
                memory, keys: RandomOperations.keys, shard: shard)
            let found = try await ShardContents(sqlite, keys: RandomOperations.keys, shard: shard)
            #expect(found == expected)
        }
    }

    @Test("Random filters find the same runs in memory and in SQLite", arguments: 1...4)
    func filtersAgree(_ seed: UInt64) async throws {
        let memory = MemoryStores()
        let sqlite = try SQLiteStores.open(location: .ephemeral)
        var random = RandomVisibility(seed: seed)
        var batch = ShardBatch()
        batch.visibility = (0..<120).map { random.record($0) }
        for stores in [memory, sqlite] as [any Stores] {
            let range = try await stores.acquireShard(shard, owner: "a")
            try await stores.commit(batch, shard: shard, range: range)
        }
        for step in 0..<300 {
            var query = VisibilityQuery(namespaceID: "n1", filter: random.filter(depth: 3))
            query.countMax = random.draw([1, 10, 200])
            query.after = random.chance(of: 3) ? random.position(in: batch.visibility) : nil
            let expected = try await memory.listRuns(query)
            let found = try await sqlite.listRuns(query)
            try #require(found == expected, "seed \(seed), step \(step): \(query)")
            query.groupBy = random.chance(of: 2) ? random.column() : nil
            let expectedCount = try await memory.countRuns(query)
            let foundCount = try await sqlite.countRuns(query)
            try #require(foundCount == expectedCount, "seed \(seed), step \(step): \(query)")
        }
    }
}
