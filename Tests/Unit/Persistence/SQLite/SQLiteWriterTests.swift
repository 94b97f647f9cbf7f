import Persistence
import PersistenceSQLite
import Primitives
import Testing

@Suite struct SQLiteWriterTests {
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
