import Persistence
import Primitives
import Testing

@Suite struct ShardReadContractTests {
    @Test(
        "History is read from any event on, in order, batch by batch", arguments: StoreKind.allCases
    )
    func historyRanges(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        let run = key("w", "r")
        var batch = ShardBatch()
        batch.history = [
            node(run, 4...4), node(run, 1...3), node(run, 9...10), node(run, 5...8),
            node(key("w", "s"), 1...20),
        ]
        try await stores.commit(batch, shard: shard, range: range)

        let cases: [(Range<Int64>, Int, [Int64])] = [
            (1..<11, 100, [1, 4, 5, 9]), (1..<100, 100, [1, 4, 5, 9]), (2..<5, 100, [1, 4]),
            (4..<5, 100, [4]), (6..<8, 100, [5]), (8..<10, 100, [5, 9]), (11..<20, 100, []),
            (0..<1, 100, []), (5..<5, 100, []), (1..<11, 1, [1]), (1..<11, 3, [1]),
            (1..<11, 4, [1, 4]), (1..<11, 5, [1, 4, 5]), (3..<11, 0, [1]), (10..<11, 1, [9]),
        ]
        for (events, eventsMax, expected) in cases {
            let nodes = try await stores.readHistory(
                run, events: events, eventsMax: eventsMax, shard: shard)
            #expect(nodes.map(\.firstEventID) == expected, "\(events), at most \(eventsMax)")
        }
        let all = try await stores.readHistory(run, events: 4..<6, eventsMax: 9, shard: shard)
        #expect(all == [node(run, 4...4), node(run, 5...8)])
        let none = try await stores.readHistory(
            run, events: 1..<9, eventsMax: 9, shard: ShardID(2))
        #expect(none.isEmpty)
    }

    @Test(
        "A batch that starts before the range but ends before it too is left out",
        arguments: StoreKind.allCases)
    func historyWithGap(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        let run = key("w", "r")
        var batch = ShardBatch()
        batch.history = [node(run, 1...3), node(run, 7...8)]
        try await stores.commit(batch, shard: shard, range: range)
        let nodes = try await stores.readHistory(run, events: 5..<9, eventsMax: 1, shard: shard)
        #expect(nodes == [node(run, 7...8)])
    }

    @Test("Tasks are read by id and page by page", arguments: StoreKind.allCases)
    func taskPages(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        var batch = ShardBatch()
        let ids: [Int64] = [10, 3, 7, -2, 1]
        batch.addedTasks = ids.map { HistoryTaskRow(id: $0, task: Array("task \($0)".utf8)) }
        batch.deletedTasks = [7]
        try await stores.commit(batch, shard: shard, range: range)

        var seen: [HistoryTaskRow] = [], after = Int64.min
        while true {
            let page = try await stores.readTasks(after: after, countMax: 3, shard: shard)
            seen += page
            guard page.count == 3, let last = page.last else { break }
            after = last.id
        }
        #expect(seen.map(\.id) == [-2, 1, 3, 10])
        #expect(seen.allSatisfy { $0.task == Array("task \($0.id)".utf8) })
        #expect(try await stores.readTasks(after: 0, countMax: 0, shard: shard).isEmpty)
        #expect(try await stores.readTasks(after: 0, countMax: -1, shard: shard).isEmpty)
    }

    @Test("Timers are read by time, then by key, page by page", arguments: StoreKind.allCases)
    func timerPages(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireShard(shard, owner: "a")
        var batch = ShardBatch()
        let rows = [
            TimerRow(at: at(5), key: key("b", "r1")), TimerRow(at: at(5), key: key("b", "r2")),
            TimerRow(at: at(5), key: key("c", "r1")),
            TimerRow(at: at(5), key: key("a", "r1", namespace: "n2")),
            TimerRow(at: at(6), key: key("a", "r1")), TimerRow(at: at(9), key: key("a", "r2")),
        ]
        for row in rows.reversed() {
            batch.runs.append(RunWrite(row.key, version: 1, timer: row.at.nanoseconds))
        }
        batch.runs.append(RunWrite(key("never", "r"), version: 1))
        try await stores.commit(batch, shard: shard, range: range)
        for pageSize in 1...7 {
            var seen: [TimerRow] = []
            while true {
                let page = try await stores.readTimers(
                    after: seen.last, countMax: pageSize, shard: shard)
                if page.isEmpty { break }
                seen += page
            }
            #expect(seen == rows)
        }
        batch = ShardBatch()
        batch.runs = [
            RunWrite(key("a", "r1"), version: 2, timer: 20), RunWrite(key("a", "r2"), version: 2),
        ]
        try await stores.commit(batch, shard: shard, range: range)
        let late = try await stores.readTimers(after: rows[3], countMax: 9, shard: shard)
        #expect(late == [TimerRow(at: at(20), key: key("a", "r1"))])
    }
}
