import Persistence
import Primitives
import Testing

@Suite struct ShardStoreContractTests {
    @Test("Each acquisition raises the range", arguments: StoreKind.allCases)
    func acquireRaisesRange(_ kind: StoreKind) async throws {
        let opened = try await kind.open()
        let first = try await opened.stores.acquireShard(shard, owner: "a")
        let second = try await opened.stores.acquireShard(shard, owner: "b")
        let other = try await opened.stores.acquireShard(ShardID(2), owner: "a")
        #expect(first < second)
        #expect(other == first)
    }

    @Test("Only the newest owner of a shard writes", arguments: StoreKind.allCases)
    func staleOwnerIsFenced(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let run = key("w", "r")
        await #expect(throws: StoreError.ownershipLost) {
            try await stores.commit(.start(run), shard: shard, range: RangeID(1))
        }
        let old = try await stores.acquireShard(shard, owner: "a")
        let new = try await stores.acquireShard(shard, owner: "b")
        for range in [old, RangeID(new.rawValue + 1)] {
            await #expect(throws: StoreError.ownershipLost) {
                try await stores.commit(.start(run), shard: shard, range: range)
            }
        }
        let contents = try await ShardContents(stores, keys: [run])
        #expect(contents.runs == [nil] && contents.visibility.isEmpty)
        try await stores.commit(.start(run), shard: shard, range: new)
    }

    @Test(
        "A run is stored with its items, and changed by differences", arguments: StoreKind.allCases)
    func runIsDifference(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        let run = key("w", "r")
        let a = RunItemKey(kind: 1, id: "a"), b = RunItemKey(kind: 1, id: "b")
        let c = RunItemKey(kind: 2, id: "a")
        var batch = ShardBatch.start(run)
        batch.runs = [RunWrite(run, version: 1, items: [a: [1], b: [2], c: []])]
        try await stores.commit(batch, shard: shard, range: range)
        batch = ShardBatch()
        batch.runs = [RunWrite(run, version: 2, items: [b: [9]], deletes: [a])]
        try await stores.commit(batch, shard: shard, range: range)

        let expected = RunRecord(
            key: run, version: 2, info: Array("w/r v2".utf8), items: [b: [9], c: []],
            currentRunID: "r")
        #expect(try await stores.loadRun(run.address, runID: nil, shard: shard) == expected)
        #expect(try await stores.loadRun(run.address, runID: "r", shard: shard) == expected)
        #expect(try await stores.loadRun(run.address, runID: "s", shard: shard) == nil)
        #expect(try await stores.loadRun(run.address, runID: nil, shard: ShardID(2)) == nil)
        #expect(
            try await stores.loadRun(key("v", "r").address, runID: nil, shard: shard) == nil)
    }

    @Test("A run keeps naming the current one after it is replaced", arguments: StoreKind.allCases)
    func currentRunMoves(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        try await stores.commit(.start(key("w", "r1")), shard: shard, range: range)
        try await stores.commit(
            .start(key("w", "r2"), replacing: "r1"), shard: shard, range: range)
        let address = key("w", "").address
        #expect(try await stores.loadRun(address, runID: nil, shard: shard)?.key.runID == "r2")
        let old = try await stores.loadRun(address, runID: "r1", shard: shard)
        #expect(old?.key.runID == "r1" && old?.currentRunID == "r2")
    }

    @Test("Each archetype has ids of its own", arguments: StoreKind.allCases)
    func archetypesAreApart(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        let workflow = key("w", "r1"), activity = key("w", "r2", archetype: .activity)
        try await stores.commit(.start(workflow), shard: shard, range: range)
        var batch = ShardBatch.start(activity)
        batch.history = []
        batch.runs[0].upsertedItems = [RunItemKey(kind: 1, id: "a"): [1]]
        batch.visibility[0].division = "d"
        try await stores.commit(batch, shard: shard, range: range)

        let read = try await stores.loadRun(activity.address, runID: nil, shard: shard)
        #expect(read?.key == activity && read?.items.count == 1)
        #expect(try await stores.loadRun(workflow.address, runID: "r2", shard: shard) == nil)
        var contents = try await ShardContents(stores, keys: [workflow, activity])
        #expect(contents.timers.map(\.key) == [workflow, activity])
        let first = try #require(contents.timers.first)
        let second = try await stores.readTimers(after: first, countMax: 9, shard: shard)
        #expect(second.map(\.key) == [activity])
        #expect(contents.visibility.map(\.key) == [workflow, activity])
        #expect(contents.visibility.map(\.division) == [nil, "d"])

        batch = ShardBatch()
        batch.deletedRuns = [activity]
        try await stores.commit(batch, shard: shard, range: range)
        contents = try await ShardContents(stores, keys: [workflow, activity])
        #expect(contents.runs.map { $0?.currentRunID } == ["r1", nil])
        #expect(contents.history.map(\.count) == [1, 0])
        #expect(contents.visibility.map(\.key) == [workflow])
    }

    /// Changes to a valid second batch of run w/r1, each with the error it must cause.
    static let spoilers: [(String, StoreError, @Sendable (inout ShardBatch) -> Void)] = [
        (
            "version too low", .runVersion(key("w", "r1"), isNot: 7),
            {
                $0.runs[0].expectedVersion = 7; $0.runs[0].version = 8
            }
        ),
        (
            "run exists", .runVersion(key("w", "r1"), isNot: 0),
            { $0.runs[0].expectedVersion = 0 }
        ),
        (
            "run missing", .runVersion(key("w", "r9"), isNot: 1),
            { $0.runs.append(RunWrite(key("w", "r9"), version: 2)) }
        ),
        (
            "current run exists", .currentRun(of: key("w", "").address, isNot: nil),
            { $0.currentRuns[0].expected = nil }
        ),
        (
            "another current run", .currentRun(of: key("w", "").address, isNot: "r9"),
            { $0.currentRuns[0].expected = "r9" }
        ),
        (
            "no current run", .currentRun(of: key("x", "").address, isNot: "r1"),
            {
                $0.currentRuns.append(
                    CurrentRunWrite(address: key("x", "").address, expected: "r1", runID: "r2"))
            }
        ),
        (
            "history written before", .historyExists(key("w", "r1"), firstEventID: 1),
            { $0.history.append(node(key("w", "r1"), 1...4)) }
        ),
        (
            "task id taken", .taskExists(5),
            { $0.addedTasks.append(HistoryTaskRow(id: 5, task: [])) }
        ),
    ]

    @Test(
        "A batch with a condition that fails changes nothing, alone or among others",
        arguments: StoreKind.allCases, spoilers.indices)
    func failingBatchChangesNothing(_ kind: StoreKind, _ index: Int) async throws {
        let (_, expected, spoil) = Self.spoilers[index]
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        let keys = [key("w", "r1"), key("w", "r2"), key("x", "r1")]
        var first = ShardBatch.start(keys[0])
        first.addedTasks = [HistoryTaskRow(id: 5, task: [5])]
        try await stores.commit(first, shard: shard, range: range)
        let before = try await ShardContents(stores, keys: keys)

        let good = Self.secondBatch()
        var bad = good
        spoil(&bad)
        await #expect(throws: expected) {
            try await stores.commit(bad, shard: shard, range: range)
        }
        #expect(try await ShardContents(stores, keys: keys) == before)

        try await stores.commit(good, shard: shard, range: range)
        #expect(try await ShardContents(stores, keys: keys) != before)
    }

    /// Uses every property of a batch.
    private static func secondBatch() -> ShardBatch {
        var batch = ShardBatch.start(key("w", "r2"), replacing: "r1")
        batch.history.append(node(key("w", "r1"), 3...4))
        batch.runs.insert(RunWrite(key("w", "r1"), version: 2), at: 0)
        batch.addedTasks = [HistoryTaskRow(id: 6, task: [6])]
        batch.deletedTasks = [5, 99]
        batch.visibility.append(VisibilityRecord(key("w", "r1"), status: 2, close: 200))
        return batch
    }

    @Test("Deleting a run removes all it has and nothing else", arguments: StoreKind.allCases)
    func deletedRunLeavesNothing(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        let old = key("w", "r1"), new = key("w", "r2"), other = key("x", "r3")
        var batch = ShardBatch.start(old)
        batch.runs[0].upsertedItems = [RunItemKey(kind: 1, id: "a"): [1]]
        try await stores.commit(batch, shard: shard, range: range)
        try await stores.commit(.start(new, replacing: "r1"), shard: shard, range: range)
        try await stores.commit(.start(other), shard: shard, range: range)

        batch = ShardBatch()
        batch.deletedRuns = [old, key("never", "was")]
        try await stores.commit(batch, shard: shard, range: range)
        var contents = try await ShardContents(stores, keys: [old, new, other])
        #expect(contents.runs.map { $0?.currentRunID } == [nil, "r2", "r3"])
        #expect(contents.history.map(\.count) == [0, 1, 1])
        #expect(contents.timers.map(\.key) == [new, other])
        #expect(contents.visibility.map(\.key) == [new, other])

        batch.deletedRuns = [new]
        try await stores.commit(batch, shard: shard, range: range)
        contents = try await ShardContents(stores, keys: [old, new, other])
        #expect(contents.runs.map { $0?.key } == [nil, nil, other])
        // Neither the current row nor an item of its former self is in the way of a new run.
        try await stores.commit(.start(old), shard: shard, range: range)
        let reborn = try await stores.loadRun(old.address, runID: nil, shard: shard)
        #expect(reborn?.items == [:])
    }

    @Test("A call that returned is seen by every later read", arguments: StoreKind.allCases)
    func readsSeeWrites(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        let run = key("w", "r")
        try await stores.commit(.start(run), shard: shard, range: range)
        for version in Int64(2)...60 {
            var batch = ShardBatch()
            batch.runs = [RunWrite(run, version: version)]
            try await stores.commit(batch, shard: shard, range: range)
            let stored = try await stores.loadRun(run.address, runID: nil, shard: shard)
            #expect(stored?.version == version)
        }
    }

    @Test("One write is one commit, and reads are counted", arguments: StoreKind.allCases)
    func countersCount(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        try await stores.commit(.start(key("w", "r")), shard: shard, range: range)
        _ = try await stores.loadRun(key("w", "r").address, runID: nil, shard: shard)
        _ = await outcome { () throws(StoreError) in
            try await stores.commit(.start(key("w", "r")), shard: shard, range: range)
        }
        #expect(
            stores.counters.snapshot == StoreCounters.Snapshot(commits: 2, batches: 2, reads: 1))
    }
}
