import Persistence
import PersistenceMemory
import Primitives
import Testing

/// Every answer of the stores in a database is the answer of the stores in memory.
@Suite struct StoreEquivalenceTests {
    static let databases = [StoreKind.ephemeral, .postgreSQL]

    @Test(
        "Random operations have the same outcomes in memory and in a database",
        arguments: databases, 1...6)
    func operationsAgree(_ kind: StoreKind, _ seed: UInt64) async throws {
        let memory = MemoryStores()
        let database = try await kind.open().stores
        var generator = RandomOperations(seed: seed)
        for step in 0..<400 {
            let operation = try await generator.next(given: memory)
            let expected = await operation.outcome(on: memory)
            let found = await operation.outcome(on: database)
            try #require(found == expected, "seed \(seed), step \(step): \(operation)")
        }
        for shard in RandomOperations.shards {
            let expected = try await ShardContents(
                memory, keys: RandomOperations.keys, shard: shard)
            let found = try await ShardContents(database, keys: RandomOperations.keys, shard: shard)
            #expect(found == expected)
        }
    }

    @Test(
        "Random filters find the same runs in memory and in a database",
        arguments: databases, 1...4)
    func filtersAgree(_ kind: StoreKind, _ seed: UInt64) async throws {
        let memory = MemoryStores()
        let database = try await kind.open().stores
        var random = RandomVisibility(seed: seed)
        var batch = ShardBatch()
        batch.visibility = (0..<120).map { random.record($0) }
        for stores in [memory, database] as [any Stores] {
            let range = try await stores.acquireShard(shard, owner: "a")
            try await stores.commit(batch, shard: shard, range: range)
        }
        for step in 0..<300 {
            var query = VisibilityQuery(namespaceID: "n1", filter: random.filter(depth: 3))
            query.countMax = random.draw([1, 10, 200])
            query.after = random.chance(of: 3) ? random.position(in: batch.visibility) : nil
            let expected = try await memory.listRuns(query)
            let found = try await database.listRuns(query)
            try #require(found == expected, "seed \(seed), step \(step): \(query)")
            query.groupBy = random.chance(of: 2) ? random.column() : nil
            let expectedCount = try await memory.countRuns(query)
            let foundCount = try await database.countRuns(query)
            try #require(foundCount == expectedCount, "seed \(seed), step \(step): \(query)")
        }
    }
}
