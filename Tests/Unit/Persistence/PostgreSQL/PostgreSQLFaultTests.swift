import Foundation
import Persistence
import PersistencePostgreSQL
import Primitives
import Synchronization
import Testing

/// Connections that end, servers that restart or fall silent: what was acknowledged is there, and
/// what was refused is not.
@Suite struct PostgreSQLFaultTests {
    /// One run of one shard, and what must be stored of it.
    private struct Writer {
        let stores: PostgreSQLStores
        let shard: ShardID
        let run: WorkflowKey
        var range = RangeID(0)
        var version: Int64 = 0
        var committed = 0
        var unknown = 0
        var unavailable = 0

        init(_ stores: PostgreSQLStores, number: Int32) {
            self.stores = stores
            self.shard = ShardID(number)
            self.run = key("w\(number)", "r\(number)")
        }

        var disturbed: Int { self.unknown + self.unavailable }

        private var batch: ShardBatch {
            var batch = self.version == 0 ? ShardBatch.start(self.run) : ShardBatch()
            if self.version > 0 { batch.runs = [RunWrite(self.run, version: self.version + 1)] }
            batch.addedTasks = [HistoryTaskRow(id: self.version + 1, task: [])]
            return batch
        }

        /// Takes the shard over and reads what is stored, however long that takes.
        mutating func reload() async throws -> Int64 {
            for _ in 0..<200 {
                do throws(StoreError) {
                    self.range = try await self.stores.acquireShard(self.shard, owner: "a")
                    let run = try await self.stores.loadRun(
                        self.run.address, runID: nil, shard: self.shard)
                    let tasks = try await self.stores.readTasks(
                        after: 0, countMax: 9_999, shard: self.shard)
                    // Of each transaction everything is there, or nothing.
                    #expect(tasks.count == Int(run?.version ?? 0))
                    return run?.version ?? 0
                } catch {
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            throw TestDatabaseError(description: "the store did not come back")
        }

        mutating func write() async throws {
            let batch = self.batch
            let result = await outcome { () throws(StoreError) in
                try await self.stores.commit(batch, shard: self.shard, range: self.range)
            }
            switch result.error {
            case nil:
                self.version += 1
                self.committed += 1
            case .unknownOutcome:
                self.unknown += 1
                let stored = try await self.reload()
                #expect((self.version...(self.version + 1)).contains(stored))
                self.version = stored
            case .unavailable:
                self.unavailable += 1
                #expect(try await self.reload() == self.version)
            case let error?: Issue.record("\(error)")
            }
        }
    }

    /// How far the writers of a test have come, together.
    private final class Progress: Sendable {
        private let counts = Mutex((committed: 0, disturbed: 0))
        private let start = ContinuousClock.now
        private let durationMin: Duration
        private let disturbedMin: Int

        init(durationMin: Duration, disturbedMin: Int) {
            self.durationMin = durationMin
            self.disturbedMin = disturbedMin
        }

        /// On a busy machine it takes longer until there is something to judge by.
        var isOver: Bool {
            let past = ContinuousClock.now - self.start
            return self.counts.withLock {
                past > self.durationMin && $0.committed > 50 && $0.disturbed >= self.disturbedMin
            } || past > .seconds(60)
        }

        func add(committed: Int, disturbed: Int) {
            self.counts.withLock {
                $0.committed += committed
                $0.disturbed += disturbed
            }
        }
    }

    /// Writes to several shards for a time, while `disturb` goes on.
    private func write(
        to stores: PostgreSQLStores, for duration: Duration, disturbedMin: Int,
        while disturb: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> [Writer] {
        let progress = Progress(durationMin: duration, disturbedMin: disturbedMin)
        return try await withThrowingTaskGroup(of: Writer?.self) { group in
            for number in Int32(1)...6 {
                group.addTask {
                    var writer = Writer(stores, number: number)
                    #expect(try await writer.reload() == 0)
                    while !progress.isOver {
                        let before = writer
                        try await writer.write()
                        progress.add(
                            committed: writer.committed - before.committed,
                            disturbed: writer.disturbed - before.disturbed)
                    }
                    #expect(try await writer.reload() == writer.version)
                    return writer
                }
            }
            group.addTask {
                var count = 0
                while !progress.isOver {
                    try await disturb(count)
                    count += 1
                }
                return nil
            }
            return try await group.reduce(into: []) { if let writer = $1 { $0.append(writer) } }
        }
    }

    @Test("Backends that are killed during commits lose nothing and repeat nothing")
    func killedBackends() async throws {
        let database = try TestDatabase()
        let stores = try await database.open { $0.connectionsMax = 10 }
        let writers = try await self.write(to: stores, for: .seconds(4), disturbedMin: 1) { _ in
            // Looks for work in progress, most of which is over in less than a millisecond.
            try database.execute(
                """
                DO $$ BEGIN
                    FOR i IN 1..50 LOOP
                        PERFORM pg_stat_clear_snapshot();
                        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE application_name = '\(database.schema)' AND state = 'active'
                        ORDER BY random() LIMIT 1;
                        PERFORM pg_sleep(CASE WHEN FOUND THEN 0.02 ELSE 0.001 END);
                    END LOOP;
                END $$
                """)
        }
        let committed = writers.reduce(0) { $0 + $1.committed }
        let disturbed = writers.reduce(0) { $0 + $1.disturbed }
        #expect(committed > 50 && disturbed > 0, "\(committed) committed, \(disturbed) disturbed")
    }

    @Test("Idle connections that end are replaced before anybody uses them")
    func endedIdleConnections() async throws {
        let database = try TestDatabase()
        let stores = try await database.open { $0.connectionsMax = 3 }
        let range = try await stores.acquireShard(shard, owner: "a")
        try await stores.commit(.start(key("w", "r")), shard: shard, range: range)
        for version in Int64(2)...6 {
            try database.execute(
                """
                SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                WHERE application_name = '\(database.schema)'
                """)
            var batch = ShardBatch()
            batch.runs = [RunWrite(key("w", "r"), version: version)]
            try await stores.commit(batch, shard: shard, range: range)
            let run = try await stores.loadRun(key("w", "r").address, runID: nil, shard: shard)
            #expect(run?.version == version)
            #expect(stores.connectionCount <= 3)
        }
    }

    @Test("A server that falls silent leaves commits of unknown outcome, in bounded time")
    func silentServer() async throws {
        let database = try TestDatabase()
        let stores = try await database.open {
            $0.connectionsMax = 3
            $0.statementTimeout = .seconds(1)
        }
        let range = try await stores.acquireShard(shard, owner: "a")
        try await stores.commit(.start(key("w", "r")), shard: shard, range: range)
        let backends = try database.execute(
            """
            SELECT string_agg(pid::text, ' ') FROM pg_stat_activity
            WHERE application_name = '\(database.schema)'
            """
        ).split(separator: " ").compactMap { pid_t($0) }
        for backend in backends { kill(backend, SIGSTOP) }
        let start = ContinuousClock.now
        let result = await outcome { () throws(StoreError) in
            var batch = ShardBatch()
            batch.runs = [RunWrite(key("w", "r"), version: 2)]
            try await stores.commit(batch, shard: shard, range: range)
        }
        for backend in backends { kill(backend, SIGCONT) }
        guard case .unknownOutcome = result.error else {
            Issue.record("\(result)")
            return
        }
        #expect(ContinuousClock.now - start < .seconds(15))
        _ = try await stores.acquireShard(shard, owner: "a")
    }

    @Test("Everything acknowledged is there after the server crashed and came back")
    func restartedServer() async throws {
        let directory = try TemporaryDirectory()
        let server = directory.file("server")
        // The server's own user has to get there.
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: directory.path)
        let address = try await Self.script("start", server)
        let stores = try await TestDatabase(address: address).open {
            $0.connectionsMax = 10
            $0.patience = .seconds(2)
        }
        let restarts = Mutex(0)
        // On a busy machine a restart may meet no commit.
        let writers = try await self.write(to: stores, for: .seconds(5), disturbedMin: 0) { count in
            try await Task.sleep(for: .seconds(1))
            guard count < 2 else { return }
            _ = try await Self.script("restart", server)
            restarts.withLock { $0 += 1 }
        }
        let committed = writers.reduce(0) { $0 + $1.committed }
        let restartCount = restarts.withLock { $0 }
        #expect(committed > 50 && restartCount > 0, "\(committed), \(restartCount) restarts")

        _ = try await Self.script("stop", server)
        let start = ContinuousClock.now
        let result = await outcome { () throws(StoreError) in
            try await stores.acquireShard(shard, owner: "a")
        }
        guard case .unavailable = result.error else {
            Issue.record("\(result)")
            return
        }
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    /// Runs `scripts/postgres.sh`.
    /// - Returns: the line it prints.
    private static func script(_ command: String, _ directory: String) async throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../..").standardized.path
        return try await withCheckedThrowingContinuation { caller in
            // Not Foundation's `Process`, which waits for the server that the script leaves behind.
            Thread.detachNewThread {
                let output = popen("'\(root)/scripts/postgres.sh' \(command) '\(directory)'", "r")
                var line = [CChar](repeating: 0, count: 256)
                _ = output.map { fgets(&line, Int32(line.count), $0) }
                let status = output.map { pclose($0) }
                let bytes = line.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }
                if status == 0 {
                    caller.resume(returning: String(decoding: bytes, as: UTF8.self))
                } else {
                    caller.resume(
                        throwing: TestDatabaseError(description: "postgres.sh \(command) failed"))
                }
            }
        }
    }
}
