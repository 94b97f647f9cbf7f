import PersistencePostgreSQL
import PersistenceSQLite
import StaticConfiguration

/// The tables of a database, as `temporal-server schema` shows and changes them.
package struct DatabaseSchema: Sendable, Equatable {
    package enum State: String, Sendable {
        /// There are no tables yet.
        case missing
        case older
        case current
        /// Written by a newer server; this one refuses it.
        case newer
    }

    /// `sqlite` or `postgres12`.
    package let store: String
    /// The version found; 0 if there are no tables.
    package let version: Int
    /// The version this server works with.
    package let versionNeeded: Int

    package var state: State {
        if self.version == 0 { return .missing }
        if self.version == self.versionNeeded { return .current }
        return self.version < self.versionNeeded ? .older : .newer
    }

    /// Looks at a database, and changes nothing.
    package static func status(
        of database: ServerConfiguration.Database
    ) async throws(StartError) -> DatabaseSchema {
        switch database {
        case .ephemeral: throw Self.nothingToKeep
        case .file(let path):
            return try self.sqlite { () throws(SQLiteOpenError) in
                try SQLiteSchema.versionFound(path: path)
            }
        case .postgreSQL(let datastore):
            let options = PostgreSQLOptions(datastore, seed: SystemRandom().seed())
            return try await self.postgreSQL { () async throws(PostgreSQLOpenError) in
                try await PostgreSQLSchema.versionFound(options)
            }
        }
    }

    /// Brings a database to the newest version.
    /// - Returns: what it was before.
    package static func migrate(
        _ database: ServerConfiguration.Database
    ) async throws(StartError) -> DatabaseSchema {
        switch database {
        case .ephemeral: throw Self.nothingToKeep
        case .file(let path):
            return try self.sqlite { () throws(SQLiteOpenError) in
                try SQLiteSchema.migrate(path: path)
            }
        case .postgreSQL(let datastore):
            let options = PostgreSQLOptions(datastore, seed: SystemRandom().seed())
            return try await self.postgreSQL { () async throws(PostgreSQLOpenError) in
                try await PostgreSQLSchema.migrate(options)
            }
        }
    }

    private static let nothingToKeep = StartError(
        "a database in memory has no tables before the server starts")

    private static func sqlite(
        _ body: () throws(SQLiteOpenError) -> Int
    ) throws(StartError) -> DatabaseSchema {
        do throws(SQLiteOpenError) {
            return DatabaseSchema(
                store: "sqlite", version: try body(), versionNeeded: SQLiteSchema.version)
        } catch {
            throw StartError(error.description)
        }
    }

    private static func postgreSQL(
        _ body: () async throws(PostgreSQLOpenError) -> Int
    ) async throws(StartError) -> DatabaseSchema {
        do throws(PostgreSQLOpenError) {
            return DatabaseSchema(
                store: "postgres12", version: try await body(),
                versionNeeded: PostgreSQLSchema.version)
        } catch {
            throw StartError(error.description)
        }
    }
}
