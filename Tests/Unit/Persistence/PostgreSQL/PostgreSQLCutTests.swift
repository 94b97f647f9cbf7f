import Persistence
import PersistencePostgreSQL
import Primitives
import Testing

private let run = key("w", "r")

/// Connections that are cut at a known byte: of a commit's way there, or of its way back.
@Suite struct PostgreSQLCutTests {
    /// A store whose shard and run `version` 1 exist, and the proxy it goes through.
    private struct Setting {
        let database: TestDatabase
        let proxy: CuttingProxy
        let stores: PostgreSQLStores
        var range: RangeID
        var version: Int64 = 1

        init() async throws {
            self.database = try TestDatabase()
            let proxy = try CuttingProxy(to: self.database.address.port)
            self.proxy = proxy
            self.stores = try await self.database.open {
                $0.connectionsMax = 3
                $0.parameters["host"] = "127.0.0.1"
                $0.parameters["port"] = proxy.port
            }
            self.range = try await self.stores.acquireShard(shard, owner: "a")
            try await self.stores.commit(.start(run), shard: shard, range: self.range)
        }

        /// Commits the next version of the run, with a task and a batch of events.
        mutating func commit() async -> StoreError? {
            var batch = ShardBatch()
            batch.history = [node(run, (self.version * 10 + 10)...(self.version * 10 + 12))]
            batch.runs = [RunWrite(run, version: self.version + 1)]
            batch.addedTasks = [HistoryTaskRow(id: self.version, task: [1])]
            let error = await outcome { () throws(StoreError) in
                try await self.stores.commit(batch, shard: shard, range: self.range)
            }.error
            if error == nil { self.version += 1 }
            return error
        }

        /// What an owner does that no longer knows what is stored.
        /// - Returns: the stored version.
        mutating func reload() async throws -> Int64 {
            self.range = try await self.stores.acquireShard(shard, owner: "a")
            let record = try await self.stores.loadRun(run.address, runID: nil, shard: shard)
            self.version = record?.version ?? 0
            return self.version
        }
    }

    @Test("A commit is one turn on the wire and one transaction in the database")
    func commitIsOneTurn() async throws {
        var setting = try await Setting()
        for _ in 0..<10 {
            let before = setting.proxy.traffic
            #expect(await setting.commit() == nil)
            #expect((setting.proxy.traffic - before).turns == 1)
        }
        // Rows carry the number of the transaction that wrote them.
        let schema = setting.database.schema
        let transactions = try setting.database.execute(
            """
            SELECT count(DISTINCT xmin::text) FROM (
                SELECT xmin FROM \(schema).history_tasks WHERE task_id = 10
                UNION ALL SELECT xmin FROM \(schema).executions
                UNION ALL SELECT xmin FROM \(schema).history_nodes WHERE first_event_id = 110
            ) AS written
            """)
        #expect(transactions == "1")
    }

    @Test("A connection cut anywhere in a commit leaves an unknown outcome, never a false success")
    func cutCommits() async throws {
        var setting = try await Setting()
        for _ in 0..<2 { #expect(await setting.commit() == nil) }
        let before = setting.proxy.traffic
        #expect(await setting.commit() == nil)
        let size = setting.proxy.traffic - before
        let there = [0, 1, size.sentBytes / 2, size.sentBytes - 6, size.sentBytes - 1]
        let back = [0, 1, size.answeredBytes / 2, size.answeredBytes - 1]
        let cuts = there.map { CuttingProxy.Cut.sent($0) } + back.map { .answered($0) }
        for cut in cuts {
            // Prepares what the new connection needs, so that the next commit is of the same size.
            #expect(await setting.commit() == nil)
            let old = setting.version
            setting.proxy.arm(cut)
            let error = await setting.commit()
            #expect(setting.proxy.hasCut)
            guard case .unknownOutcome = error else {
                Issue.record("\(cut): \(String(describing: error))")
                continue
            }
            let stored = try await setting.reload()
            switch cut {
            case .sent: #expect(stored == old, "\(cut)")
            case .answered: #expect(stored == old + 1, "\(cut)")
            }
        }
    }

    @Test("A read whose connection is cut is made again; other writes say that they do not know")
    func cutCalls() async throws {
        let setting = try await Setting()
        for cut in [CuttingProxy.Cut.sent(1), .answered(0), .answered(9)] {
            // The proxy cuts what is said next, which should not be about a new connection.
            _ = try await setting.stores.readTasks(after: 0, countMax: 1, shard: shard)
            setting.proxy.arm(cut)
            let record = try await setting.stores.loadRun(run.address, runID: nil, shard: shard)
            #expect(record?.version == 1)
            #expect(setting.proxy.hasCut)
            setting.proxy.arm(cut)
            let result = await outcome { () throws(StoreError) in
                try await setting.stores.acquireShard(shard, owner: "b")
            }
            guard case .unknownOutcome = result.error else {
                Issue.record("\(cut): \(result)")
                continue
            }
        }
    }
}
