import Foundation
import Persistence
import PersistenceSQLite
import Primitives
import Testing

@Suite struct SQLiteFileTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() throws {
        self.directory = try TemporaryDirectory()
        self.path = self.directory.file("test.db")
    }

    private func open() throws(SQLiteOpenError) -> SQLiteStores {
        try SQLiteStores.open(location: .file(self.path))
    }

    @Test("A file that is opened again holds everything")
    func reopenKeepsEverything() async throws {
        let first = try self.open()
        let range = try await first.acquireShard(shard, owner: "a")
        var batch = ShardBatch.start(key("w", "r"))
        batch.runs[0].upsertedItems = [RunItemKey(kind: 1, id: "a"): [1]]
        batch.addedTasks = [HistoryTaskRow(id: 1, task: [1])]
        batch.visibility[0].searchAttributes = ["A": .text("Big deal"), "B": .double(0.1)]
        try await first.commit(batch, shard: shard, range: range)
        let queue = TaskQueueKey(namespaceID: "n", name: "q", type: .workflow, isSticky: false)
        let lease = try await first.acquireTaskQueue(queue, owner: "a")
        try await first.appendBacklog(
            [BacklogRow(id: 1, task: [])], to: queue, range: lease.range)
        let namespace = NamespaceRow(id: "n1", name: "default", record: [1])
        try await first.createNamespace(namespace)
        let cluster = ClusterRecord(clusterID: "c", shardCount: 4)
        _ = try await first.initializeCluster(cluster)
        let before = try await ShardContents(first, keys: [key("w", "r")])
        await first.close()

        let second = try self.open()
        #expect(try await ShardContents(second, keys: [key("w", "r")]) == before)
        #expect(before.visibility == batch.visibility)
        #expect(try await second.acquireShard(shard, owner: "b") == RangeID(2))
        #expect(try await second.acquireTaskQueue(queue, owner: "b").hasBacklog)
        #expect(try await second.listNamespaces(after: nil, countMax: 9) == [namespace])
        let other = ClusterRecord(clusterID: "d", shardCount: 1)
        #expect(try await second.initializeCluster(other) == cluster)
    }

    @Test("A second opening is refused for as long as the first lasts")
    func secondOpenIsRefused() async throws {
        let first = try self.open()
        #expect(throws: SQLiteOpenError.inUse(path: self.path)) { try self.open() }
        // The same file by another name is the same file.
        let link = self.directory.file("link.db")
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: self.path)
        #expect(throws: SQLiteOpenError.inUse(path: link)) {
            try SQLiteStores.open(location: .file(link))
        }
        await first.close()
        await #expect(throws: StoreError.self) {
            try await first.acquireShard(shard, owner: "a")
        }
        let second = try self.open()
        #expect(try await second.acquireShard(shard, owner: "a") == RangeID(1))
    }

    @Test("Paths that cannot be are refused by name")
    func impossiblePaths() throws {
        let missing = self.directory.file("no/such/test.db")
        #expect(
            throws: SQLiteOpenError.missingDirectory(
                path: missing, directory: self.directory.file("no/such"))
        ) {
            try SQLiteStores.open(location: .file(missing))
        }
        try Data("hello".utf8).write(to: URL(fileURLWithPath: self.path))
        for path in [self.directory.path, "\(self.path)/x.db", "/proc/test.db"] {
            let error = #expect(throws: SQLiteOpenError.self) {
                try SQLiteStores.open(location: .file(path))
            }
            guard case .notWritable(path, _)? = error else {
                Issue.record("\(path): \(String(describing: error))")
                continue
            }
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test("A file that is no database is refused and left as it is", arguments: [5, 100_000])
    func notADatabase(size: Int) throws {
        let content = Data(repeating: 65, count: size)
        try content.write(to: URL(fileURLWithPath: self.path))
        #expect(throws: SQLiteOpenError.notADatabase(path: self.path)) { try self.open() }
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.path)) == content)
    }

    @Test("A database of another program is refused and left as it is")
    func foreignDatabase() throws {
        let other = try SQLiteConnection(path: self.path)
        try other.execute("CREATE TABLE executions (id INTEGER)")
        other.close()
        let content = try Data(contentsOf: URL(fileURLWithPath: self.path))
        #expect(throws: SQLiteOpenError.foreignDatabase(path: self.path)) { try self.open() }
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.path)) == content)
    }

    @Test("A database with a newer schema is refused and left as it is")
    func newerSchema() async throws {
        await (try self.open()).close()
        let connection = try SQLiteConnection(path: self.path)
        try connection.execute("PRAGMA user_version = 999")
        connection.close()
        let error = #expect(throws: SQLiteOpenError.self) { try self.open() }
        guard case .newerSchema(self.path, found: 999, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let again = try SQLiteConnection(path: self.path)
        let version = try again.first("PRAGMA user_version") { (row) throws(StoreError) in
            try row.integer(0)
        }
        #expect(version == 999)
    }

    @Test("Migrating a database that is up to date changes nothing")
    func migrationIsIdempotent() async throws {
        await (try self.open()).close()
        let content = try Data(contentsOf: URL(fileURLWithPath: self.path))
        await (try self.open()).close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.path)) == content)
    }

    @Test("A row that cannot be read is an error of its run alone")
    func corruptRows() async throws {
        let first = try self.open()
        let range = try await first.acquireShard(shard, owner: "a")
        try await first.commit(.start(key("w", "r1")), shard: shard, range: range)
        var other = ShardBatch.start(key("x", "r2"))
        other.visibility[0].key = key("x", "r2", namespace: "n2")
        try await first.commit(other, shard: shard, range: range)
        await first.close()
        let connection = try SQLiteConnection(path: self.path)
        try connection.execute("UPDATE history_nodes SET last_event_id = 0 WHERE run_id = 'r1'")
        try connection.execute(
            "UPDATE executions_visibility SET search_attributes = '{' WHERE run_id = 'r1'")
        connection.close()

        let stores = try self.open()
        func isCorrupt<Value>(_ body: () async throws(StoreError) -> Value) async -> Bool {
            if case .failure(.corrupt) = await outcome(body) { return true }
            return false
        }
        #expect(
            await isCorrupt { () throws(StoreError) in
                try await stores.readHistory(
                    key("w", "r1"), events: 1..<9, eventsMax: 9, shard: shard)
            })
        let attribute = VisibilityColumn.searchAttribute(name: "A", type: .keyword)
        for filter in [VisibilityFilter.all, .isNull(attribute)] {
            #expect(
                await isCorrupt { () throws(StoreError) in
                    try await stores.listRuns(
                        VisibilityQuery(namespaceID: "n1", filter: filter))
                })
            let others = try await stores.listRuns(
                VisibilityQuery(namespaceID: "n2", filter: filter))
            #expect(others.count == 1)
        }
        let nodes = try await stores.readHistory(
            key("x", "r2"), events: 1..<9, eventsMax: 9, shard: shard)
        #expect(nodes == [node(key("x", "r2"), 1...2)])
    }
}
