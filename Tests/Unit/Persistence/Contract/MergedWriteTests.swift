import Persistence
import Primitives
import Testing

/// What holds for stores in a database, which write the batches of several callers together.
@Suite struct MergedWriteTests {
    static let kinds = [StoreKind.ephemeral, .file, .postgreSQL]

    @Test(
        "Batches that wait share commits, and those that fail harm no other",
        arguments: kinds, [3, 50, 1_000])
    func mergedBatches(_ kind: StoreKind, failingEvery step: Int) async throws {
        let opened = try await kind.open(), stores = opened.stores
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
        // PostgreSQL merges at most one batch of each shard, and writes each of them apart if one
        // fails: with every third one failing that is always.
        #expect(counts.commits < counts.batches || (kind == .postgreSQL && step == 3))
    }

    @Test("Reads see whole batches while others are written", arguments: kinds)
    func readsSeeWholeBatches(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
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
}

extension Result {
    func isSuccess(of index: Int) -> (Int, Bool) {
        switch self {
        case .success: (index, true)
        case .failure: (index, false)
        }
    }
}
