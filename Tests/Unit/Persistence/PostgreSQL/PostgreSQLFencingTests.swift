import Persistence
import PersistencePostgreSQL
import Primitives
import Testing

/// Two processes that both believe they own a shard: only the newer one writes.
@Suite struct PostgreSQLFencingTests {
    private static func commit(
        _ stores: PostgreSQLStores, version: Int64, range: RangeID
    ) async -> Result<Void, StoreError> {
        await outcome { () throws(StoreError) in
            var batch = ShardBatch()
            batch.runs = [RunWrite(key("w", "r"), version: version)]
            try await stores.commit(batch, shard: shard, range: range)
        }
    }

    @Test("After a takeover the old owner writes nothing more", arguments: 1...5)
    func takeover(_ round: Int) async throws {
        let database = try TestDatabase()
        let old = try await database.open(), new = try await database.open()
        let range = try await old.acquireShard(shard, owner: "old")
        try await old.commit(.start(key("w", "r")), shard: shard, range: range)
        async let written = { () async -> Int64 in
            var version: Int64 = 1
            while case .success = await Self.commit(old, version: version + 1, range: range) {
                version += 1
            }
            return version
        }()
        try await Task.sleep(for: .milliseconds(20 * round))
        let newRange = try await new.acquireShard(shard, owner: "new")
        let seen = try await new.loadRun(key("w", "r").address, runID: nil, shard: shard)
        let last = await written
        #expect(seen?.version == last)
        let late = await Self.commit(old, version: last + 1, range: range)
        #expect(late.error == .ownershipLost)
        #expect(await Self.commit(new, version: last + 1, range: newRange).error == nil)
    }

    @Test("A writer that waited for a takeover to commit finds out")
    func waitingWriterIsFenced() async throws {
        let database = try TestDatabase()
        let stores = try await database.open()
        let range = try await stores.acquireShard(shard, owner: "old")
        // Holds the shard's row for as long as a slow takeover would.
        async let takeover = database.execute(
            """
            WITH taken AS (UPDATE \(database.schema).shards SET range_id = range_id + 1 RETURNING 1)
            SELECT pg_sleep(0.5)::text FROM taken
            """)
        try await Task.sleep(for: .milliseconds(150))
        let result = await outcome { () throws(StoreError) in
            try await stores.commit(.start(key("w", "r")), shard: shard, range: range)
        }
        #expect(result.error == .ownershipLost)
        _ = try await takeover
    }

    @Test("Two owners of many shards do not wait for each other in a circle")
    func noDeadlock() async throws {
        let database = try TestDatabase()
        let stores = [try await database.open(), try await database.open()]
        let shards = (Int32(1)...8).map { ShardID($0) }
        var ranges: [ShardID: RangeID] = [:]
        for shard in shards { ranges[shard] = try await stores[0].acquireShard(shard, owner: "a") }
        let owned = ranges
        let errors = await withTaskGroup { group in
            for index in 0..<400 {
                group.addTask {
                    let shard = shards[(index * 5) % shards.count]
                    let range = owned[shard] ?? RangeID(0)
                    return await outcome { () throws(StoreError) in
                        try await stores[index % 2].commit(
                            .start(key("w\(index)", "r\(index)")), shard: shard, range: range)
                    }.error
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(errors.compactMap { $0 } == [])
    }
}

extension Result {
    /// What went wrong.
    var error: Failure? {
        switch self {
        case .success: nil
        case .failure(let error): error
        }
    }
}
