import Glibc
import Persistence

/// The tables of a database file, for who looks after them.
package enum SQLiteSchema {
    /// The version this server works with.
    package static var version: Int { Schema.version }

    /// The version of a file, which a server may be using; 0 if there is none, or it has no tables.
    package static func versionFound(path: String) throws(SQLiteOpenError) -> Int {
        guard access(path, F_OK) == 0 else { return 0 }
        let connection: SQLiteConnection
        do throws(SQLiteFailure) {
            connection = try SQLiteConnection(path: path)
            try connection.execute("PRAGMA query_only = ON")
        } catch {
            throw SQLiteOpenError(error, path: path)
        }
        defer { connection.close() }
        do throws(SQLiteOpenError) {
            return try Schema.versionFound(connection, path: path)
        } catch .newerSchema(_, let found, _) {
            return found
        }
    }

    /// Brings a file, which nobody may be using, to the newest version; makes it if there is none.
    /// - Returns: the version it had.
    package static func migrate(path: String) throws(SQLiteOpenError) -> Int {
        let lock = try DatabaseLock(path: path)
        defer { withExtendedLifetime(lock) {} }
        let found = try self.versionFound(path: path)
        let connection: SQLiteConnection
        do throws(SQLiteFailure) {
            connection = try SQLiteConnection(path: path)
        } catch {
            throw SQLiteOpenError(error, path: path)
        }
        defer { connection.close() }
        try Schema.migrate(connection, path: path)
        return found
    }
}
