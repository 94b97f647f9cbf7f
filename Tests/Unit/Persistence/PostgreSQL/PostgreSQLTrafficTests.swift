import Persistence
import PersistencePostgreSQL
import Primitives
import Testing

/// What the database is asked, and how often.
@Suite struct PostgreSQLTrafficTests {
    /// A batch like that of a workflow task which schedules an activity.
    private static func transition(_ version: Int64) -> ShardBatch {
        let run = key("w", "r")
        var batch = ShardBatch()
        batch.history = [node(run, (version * 10)...(version * 10 + 2))]
        batch.runs = [
            RunWrite(
                run, version: version, timer: version,
                items: [RunItemKey(kind: 1, id: "\(version)"): [1]],
                deletes: [RunItemKey(kind: 1, id: "\(version - 1)")])
        ]
        batch.addedTasks = [HistoryTaskRow(id: version, task: [1])]
        batch.deletedTasks = [version - 1]
        batch.visibility = [VisibilityRecord(run)]
        return batch
    }

    @Test("A transition is one commit, one round trip and at most six statements")
    func transitionIsOneRoundTrip() async throws {
        let database = try TestDatabase()
        let stores = try await database.open { $0.connectionsMax = 3 }
        let range = try await stores.acquireShard(shard, owner: "a")
        try await stores.commit(.start(key("v", "s")), shard: shard, range: range)
        var batches = [ShardBatch.start(key("w", "r"))]
        batches[0].addedTasks = [HistoryTaskRow(id: 1, task: [1])]
        batches += (Int64(2)...20).map { Self.transition($0) }
        for batch in batches {
            let before = (
                stores.counters.snapshot.commits, stores.counters.roundTrips,
                stores.counters.statements
            )
            try await stores.commit(batch, shard: shard, range: range)
            #expect(stores.counters.snapshot.commits == before.0 + 1)
            #expect(stores.counters.roundTrips == before.1 + 1)
            #expect((3...6).contains(stores.counters.statements - before.2))
        }
    }

    @Test("Statements find rows by their keys, not by reading tables")
    func plansUseIndexes() async throws {
        let database = try TestDatabase()
        let stores = try await database.open { $0.connectionsMax = 3 }
        let range = try await stores.acquireShard(shard, owner: "a")
        try await stores.commit(.start(key("w", "r")), shard: shard, range: range)
        for version in Int64(2)...30 {
            try await stores.commit(Self.transition(version), shard: shard, range: range)
        }
        _ = try await stores.loadRun(key("w", "r").address, runID: nil, shard: shard)
        _ = try await stores.readHistory(
            key("w", "r"), events: 1..<99, eventsMax: 9, shard: shard)
        await stores.close()
        try await Task.sleep(for: .milliseconds(100))
        let scans = try database.execute(
            """
            SELECT coalesce(string_agg(relname, ' '), '') FROM pg_stat_user_tables
            WHERE schemaname = '\(database.schema)' AND seq_scan > 0
                AND relname <> 'temporal_server_schema' AND idx_scan IS NOT NULL
            """)
        // Making an index reads its table once, and nothing has been read since.
        let repeated = try database.execute(
            """
            SELECT coalesce(string_agg(relname || ' ' || seq_scan, ', '), '')
            FROM pg_stat_user_tables
            WHERE schemaname = '\(database.schema)' AND seq_scan > 8
                AND relname <> 'temporal_server_schema'
            """)
        #expect(repeated.isEmpty, "read as a whole: \(repeated) of \(scans)")
    }

    @Test("No more connections are opened than allowed, and calls take turns")
    func connectionsAreBounded() async throws {
        let database = try TestDatabase()
        let stores = try await database.open { $0.connectionsMax = 4 }
        let range = try await stores.acquireShard(shard, owner: "a")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    try await stores.commit(
                        .start(key("w\(index)", "r\(index)")), shard: shard, range: range)
                    _ = try await stores.loadRun(
                        key("w\(index)", "r").address, runID: nil, shard: shard)
                    _ = try await stores.listRuns(
                        VisibilityQuery(namespaceID: "n1", filter: .all, countMax: 1))
                    #expect(stores.connectionCount <= 4)
                }
            }
            try await group.waitForAll()
        }
        let count = try database.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(database.schema)'")
        #expect((1...4).contains(Int(count) ?? 0))
        await stores.close()
        #expect(stores.connectionCount == 0)
    }

    @Test("Calls beyond what may wait are refused, not kept")
    func waitingIsBounded() async throws {
        let stores = try await TestDatabase().open { $0.waitingMax = 0 }
        let result = await outcome { () throws(StoreError) in
            try await stores.acquireShard(shard, owner: "a")
        }
        guard case .unavailable = result.error else {
            Issue.record("\(result)")
            return
        }
    }

    @Test("Idle stores ask nothing")
    func idleIsSilent() async throws {
        let stores = try await TestDatabase().open()
        _ = try await stores.acquireShard(shard, owner: "a")
        let before = stores.counters.roundTrips
        try await Task.sleep(for: .seconds(1))
        #expect(stores.counters.roundTrips == before)
    }
}
