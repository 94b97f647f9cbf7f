import Persistence
import Primitives

/// Every store, in one SQLite database.
///
/// A write returns when it is durable: a file is in WAL mode and synced at each commit, so that
/// neither the end of the process nor a power failure loses what was acknowledged.
package final class SQLiteStores: Stores {
    package enum Location: Sendable, Equatable {
        case file(String)
        /// Gone with this instance: in memory, and what is more than the cache holds in a file
        /// without a name in the directory for temporary files.
        case ephemeral
    }

    package let counters = StoreCounters()
    private let engine: StoreEngine

    /// Opens or creates a database and brings its tables to the newest version.
    ///
    /// `readersCount` threads answer reads of a file; at most `waitingMax` calls wait for a thread,
    /// further ones are refused.
    package static func open(
        location: Location, readersCount: Int = 2, waitingMax: Int = 100_000
    ) throws(SQLiteOpenError) -> SQLiteStores {
        switch location {
        case .ephemeral:
            let writer = try self.connect(to: "", self.ephemeralPragmas)
            try Schema.migrate(writer, path: "")
            return SQLiteStores(writer: writer, readers: [], lock: nil, waitingMax: waitingMax)
        case .file(let path):
            guard !path.isEmpty && path != ":memory:" else {
                throw .failed(path: path, reason: "this is not the name of a file")
            }
            let lock = try DatabaseLock(path: path)
            let writer = try self.openFile(path)
            var readers: [SQLiteConnection] = []
            for _ in 0..<max(readersCount, 1) {
                readers.append(
                    try self.connect(to: path, ["cache_size = -8000", "query_only = ON"]))
            }
            return SQLiteStores(
                writer: writer, readers: readers, lock: lock, waitingMax: waitingMax)
        }
    }

    private init(
        writer: SQLiteConnection, readers: [SQLiteConnection], lock: DatabaseLock?, waitingMax: Int
    ) {
        self.engine = StoreEngine(
            writer: writer, readers: readers, lock: lock, counters: self.counters,
            waitingMax: waitingMax)
    }

    deinit { self.engine.stop() }

    /// Finishes the calls that wait, refuses later ones, and closes the database.
    package func close() async { await self.engine.close() }

    private static let ephemeralPragmas = [
        "synchronous = OFF", "journal_mode = MEMORY", "cache_size = -64000",
    ]

    private static let writerPragmas = [
        "synchronous = FULL", "temp_store = MEMORY",
        // Kibibytes; what a transaction changes should fit.
        "cache_size = -64000",
        // Pages in the log before they are moved to the database, 16 MiB.
        "wal_autocheckpoint = 4000",
    ]

    private static func openFile(_ path: String) throws(SQLiteOpenError) -> SQLiteConnection {
        let connection = try self.connect(to: path, self.writerPragmas)
        // Before anything that changes the file: it may not be ours.
        try Schema.migrate(connection, path: path)
        let mode: String?
        do throws(StoreError) {
            mode = try connection.first("PRAGMA journal_mode = WAL") { (row) throws(StoreError) in
                try row.text(0)
            }
        } catch {
            throw .failed(path: path, reason: "\(error)")
        }
        guard mode == "wal" else {
            throw .failed(path: path, reason: "its file system does not support write-ahead logs")
        }
        return connection
    }

    private static func connect(
        to path: String, _ pragmas: [String]
    ) throws(SQLiteOpenError) -> SQLiteConnection {
        do throws(SQLiteFailure) {
            let connection = try SQLiteConnection(path: path)
            for pragma in pragmas { try connection.execute("PRAGMA \(pragma)") }
            return connection
        } catch {
            throw SQLiteOpenError(error, path: path)
        }
    }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await self.engine.write(body)
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        self.counters.hasRead()
        return try await self.engine.read(body)
    }
}
