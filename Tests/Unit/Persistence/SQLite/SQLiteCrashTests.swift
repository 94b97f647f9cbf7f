import Foundation
import Persistence
import PersistenceSQLite
import Primitives
import Testing

/// What a process loses that ends, or whose disk fails, in the middle of its work: nothing.
@Suite struct SQLiteCrashTests {
    /// Starts runs until `isOver`; counts those that were acknowledged in a file of one byte each.
    private static func startRuns(
        _ stores: SQLiteStores, acknowledgeTo log: String, until isOver: (Int, StoreError?) -> Bool
    ) async throws {
        let range = try await stores.acquireShard(shard, owner: "a")
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let handle = try #require(FileHandle(forWritingAtPath: log))
        var count = 0
        while true {
            var batch = ShardBatch.start(key("w\(count)", "r"))
            batch.runs[0].info = [UInt8](repeating: 7, count: 2_000)
            let result = await outcome { () throws(StoreError) in
                try await stores.commit(batch, shard: shard, range: range)
            }
            if case .failure(let error) = result {
                if isOver(count, error) { return }
                continue
            }
            try handle.write(contentsOf: Data([1]))
            count += 1
            if isOver(count, nil) { return }
        }
    }

    private func expectAcknowledged(in directory: TemporaryDirectory) async throws {
        let log = try Data(contentsOf: URL(fileURLWithPath: directory.file("log")))
        let stores = try SQLiteStores.open(location: .file(directory.file("test.db")))
        let timers = try await stores.readTimers(after: nil, countMax: 9_999, shard: shard)
        #expect(log.count > 0)
        // The last one may have been written without being acknowledged.
        #expect((log.count...(log.count + 1)).contains(timers.count))
        for timer in timers {
            let run = try await stores.loadRun(timer.key.address, runID: nil, shard: shard)
            #expect(run?.version == 1)
        }
        await stores.close()
    }

    @Test("A process that is killed leaves all it acknowledged, and no lock")
    func killedProcess() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let stores = try SQLiteStores.open(location: .file("\(path)/test.db"))
            try await Self.startRuns(stores, acknowledgeTo: "\(path)/log") { count, _ in
                if count == 300 { kill(getpid(), SIGKILL) }
                return false
            }
        }
        try await self.expectAcknowledged(in: directory)
    }

    @Test("A disk that takes no more gives an error, and nothing is lost")
    func fullDisk() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            let stores = try SQLiteStores.open(location: .file("\(path)/test.db"))
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 600_000, rlim_max: .max)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            try await Self.startRuns(stores, acknowledgeTo: "\(path)/log") { _, error in
                error != nil
            }
            // What is stored can be read, and writing goes on once there is room.
            let timers = try await stores.readTimers(after: nil, countMax: 9_999, shard: shard)
            precondition(timers.count > 10)
            limit.rlim_cur = .max
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            _ = try await stores.acquireShard(ShardID(2), owner: "a")
            await stores.close()
        }
        try await self.expectAcknowledged(in: directory)
    }
}
