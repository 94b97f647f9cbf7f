import Persistence
import PersistenceSQLite
import Primitives
import Testing

@Suite struct SQLiteWriterTests {
    static let kinds = [StoreKind.ephemeral, .file]

    @Test(
        "Batches that wait share commits, and those that fail harm no other",
        arguments: kinds, [3, 50, 1_000])
    func mergedBatches(_ kind: StoreKind, failingEvery step: Int) async throws {
        let opened = try kind.open(), stores = opened.stores
        var ranges: [ShardID: RangeID] = [:]
        for number in Int32(1)...4 {
            ranges[ShardID(number)] = try await stores.acquireShard(ShardID(number), owner: "a")
        }
        let owned = ranges
        // A batch that fails does so after it has written other things.
        let outcomes = await withTaskGroup { group in
            for index in 0..<600 {
                group.addTask {
                    let shard = ShardID(Int32(index % 4) + 1)
                    var batch = ShardBatch.start(key("w\(index)", "r\(index)"))
                    batch.addedTasks = [HistoryTaskRow(id: Int64(index), task: [])]
                    if index % step == 1 {
                        batch.runs.append(RunWrite(key("w\(index)", "r\(index)"), version: 1))
                    }
                    let range = owned[shard] ?? RangeID(0)
                    return await outcome { () throws(StoreError) in
                        try await stores.commit(batch, shard: shard, range: range)
                    }.isSuccess(of: index)
                }
            }
            var outcomes: [Int: Bool] = [:]
            for await (index, isSuccess) in group { outcomes[index] = isSuccess }
            return outcomes
        }
        for index in 0..<600 {
            let shard = ShardID(Int32(index % 4) + 1), run = key("w\(index)", "r\(index)")
            let isWritten = index % step != 1
            #expect(outcomes[index] == isWritten)
            let stored = try await stores.loadRun(run.address, runID: run.runID, shard: shard)
            let history = try await stores.readHistory(
                run, events: 1..<9, eventsMax: 9, shard: shard)
            #expect((stored != nil) == isWritten && history.isEmpty != isWritten)
        }
        let listed = try await stores.listRuns(VisibilityQuery(namespaceID: "n1", filter: .all))
        let writtenCount = outcomes.values.count { $0 }
        #expect(listed.count == writtenCount)
        let counts = stores.counters.snapshot
        #expect(counts.batches == 4 + writtenCount)
        #expect(counts.commits < counts.batches)
    }

    @Test("Reads see whole batches while others are written", arguments: kinds)
    func readsSeeWholeBatches(_ kind: StoreKind) async throws {
        let opened = try kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        let run = key("w", "r"), item = RunItemKey(kind: 1, id: "a")
        try await stores.commit(.start(run), shard: shard, range: range)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for version in Int64(2)...300 {
                    var batch = ShardBatch()
                    batch.runs = [
                        RunWrite(run, version: version, items: [item: [UInt8(version & 0xff)]])
                    ]
                    try await stores.commit(batch, shard: shard, range: range)
                }
            }
            group.addTask {
                var last: Int64 = 0
                while last < 300 {
                    let stored = try await stores.loadRun(run.address, runID: nil, shard: shard)
                    let record = try #require(stored)
                    #expect(record.version >= last)
                    last = record.version
                    if last > 1 { #expect(record.items == [item: [UInt8(last & 0xff)]]) }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("Calls beyond what may wait are refused, not kept")
    func waitingIsBounded() async throws {
        let stores = try SQLiteStores.open(location: .ephemeral, waitingMax: 0)
        let result = await outcome { () throws(StoreError) in
            try await stores.acquireShard(shard, owner: "a")
        }
        guard case .failure(.unavailable) = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test("Closing finishes what was asked before")
    func closeFinishes() async throws {
        let directory = try TemporaryDirectory()
        let location = SQLiteStores.Location.file(directory.file("test.db"))
        let stores = try SQLiteStores.open(location: location)
        let range = try await stores.acquireShard(shard, owner: "a")
        let acknowledged = await withTaskGroup { group in
            for index in 0..<200 {
                group.addTask {
                    await outcome { () throws(StoreError) in
                        try await stores.commit(
                            .start(key("w\(index)", "r")), shard: shard, range: range)
                    }.isSuccess(of: index)
                }
            }
            await stores.close()
            await stores.close()
            var count = 0
            for await (_, isSuccess) in group where isSuccess { count += 1 }
            return count
        }
        let reopened = try SQLiteStores.open(location: location)
        let timers = try await reopened.readTimers(after: nil, countMax: 999, shard: shard)
        #expect(timers.count == acknowledged)
    }
}

extension Result {
    fileprivate func isSuccess(of index: Int) -> (Int, Bool) {
        switch self {
        case .success: (index, true)
        case .failure: (index, false)
        }
    }
}
