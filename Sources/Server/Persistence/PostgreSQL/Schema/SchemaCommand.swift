import CPostgreSQL
import Persistence
import PersistenceSQL

/// Looks at the tables of a database, or makes them, on a connection and a thread of its own.
struct SchemaCommand {
    enum Kind: Sendable {
        /// Makes the tables, or brings them to the newest version.
        case migrate
        /// Refuses tables that are not of the newest version.
        case check
        /// Only looks.
        case inspect
    }

    private let connection: PostgreSQLConnection
    private let database: String

    /// How long one statement of a migration may take, and how long another process's migration
    /// is waited for.
    private static let timeout = Duration.seconds(600)

    /// - Returns: the version found, before anything was done; 0 if there are no tables.
    @discardableResult
    static func run(
        _ kind: Kind, _ options: PostgreSQLOptions
    ) async throws(PostgreSQLOpenError) -> Int {
        let result = await withCheckedContinuation {
            (caller: CheckedContinuation<Result<Int, PostgreSQLOpenError>, Never>) in
            startThread {
                caller.resume(
                    returning: Result { () throws(PostgreSQLOpenError) in
                        try SchemaCommand(options).run(kind)
                    })
            }
        }
        return try result.get()
    }

    private init(_ options: PostgreSQLOptions) throws(PostgreSQLOpenError) {
        self.database = options.description
        let greeting: ServerGreeting
        do throws(ConnectFailure) {
            (self.connection, greeting) = try PostgreSQLConnection.open(
                options, statementTimeout: Self.timeout, counters: StoreCounters())
        } catch {
            throw .unreachable(database: self.database, reason: error.reason)
        }
        guard greeting.version >= 120_000 else {
            throw .oldServer(database: self.database, version: Int(greeting.version / 10_000))
        }
        guard greeting.encoding == "UTF8" else {
            throw .wrongEncoding(database: self.database, encoding: greeting.encoding)
        }
    }

    private func run(_ kind: Kind) throws(PostgreSQLOpenError) -> Int {
        let found = try self.versionFound()
        switch kind {
        case .inspect: break
        case .check:
            try self.refuseNewer(found)
            guard found == Schema.version else {
                throw .olderSchema(
                    database: self.database, found: found, known: Schema.version)
            }
        case .migrate:
            try self.refuseNewer(found)
            if found < Schema.version { try self.migrate() }
        }
        return found
    }

    private func refuseNewer(_ found: Int) throws(PostgreSQLOpenError) {
        if found > Schema.version {
            throw .newerSchema(database: self.database, found: found, known: Schema.version)
        }
    }

    /// One process at a time: others wait for the lock, and find everything done.
    ///
    /// The lock is the session's: it ends with the connection at the latest.
    private func migrate() throws(PostgreSQLOpenError) {
        _ = try self.exchange([Schema.lock])
        let found = try self.versionFound()
        try self.refuseNewer(found)
        for version in found..<Schema.version {
            _ = try self.exchange(Schema.statements(from: version))
        }
        _ = try self.exchange([Schema.unlock])
    }

    private func versionFound() throws(PostgreSQLOpenError) -> Int {
        let tables = try self.flags(Schema.tablesQuery)
        guard tables.isOurs else {
            if tables.isForeign { throw .foreignDatabase(database: self.database) }
            return 0
        }
        let row = try self.exchange([Schema.versionQuery])[0].first
        do throws(StoreError) {
            return try row.map { (row) throws(StoreError) in Int(try row.int4(0)) } ?? 0
        } catch {
            throw .failed(database: self.database, reason: "\(error)")
        }
    }

    private func flags(
        _ query: SQLStatement
    ) throws(PostgreSQLOpenError) -> (isOurs: Bool, isForeign: Bool) {
        let row = try self.exchange([query])[0].first
        do throws(StoreError) {
            guard let row else { return (false, false) }
            return (try row.bool(0), try row.bool(1))
        } catch {
            throw .failed(database: self.database, reason: "\(error)")
        }
    }

    private func exchange(
        _ statements: [SQLStatement]
    ) throws(PostgreSQLOpenError) -> [SQLResult] {
        do throws(ExchangeFailure) {
            return try self.connection.exchange(
                statements, until: Deadline(in: Self.timeout + .seconds(5)))
        } catch {
            throw .failed(database: self.database, reason: "\(error.readError)")
        }
    }
}
