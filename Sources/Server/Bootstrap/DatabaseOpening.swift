import Logging
import Persistence
import PersistencePostgreSQL
import PersistenceSQLite
import Primitives
import StaticConfiguration

/// The stores of a database, and how to close them.
struct OpenDatabase: Sendable {
    let stores: any Stores
    let close: @Sendable () async -> Void

    /// Opens a database; without `migrates`, tables of an older version are refused.
    static func open(
        _ database: ServerConfiguration.Database, migrates: Bool, random: SystemRandom
    ) async throws(StartError) -> OpenDatabase {
        switch database {
        case .ephemeral: try self.open(.ephemeral)
        case .file(let path): try self.open(.file(path))
        case .postgreSQL(let datastore):
            try await self.open(PostgreSQLOptions(datastore, seed: random.seed()), migrates)
        }
    }

    private static func open(_ location: SQLiteStores.Location) throws(StartError) -> OpenDatabase {
        do throws(SQLiteOpenError) {
            let stores = try SQLiteStores.open(location: location)
            return OpenDatabase(stores: stores) { await stores.close() }
        } catch {
            throw StartError(error.description)
        }
    }

    private static func open(
        _ options: PostgreSQLOptions, _ migrates: Bool
    ) async throws(StartError) -> OpenDatabase {
        do throws(PostgreSQLOpenError) {
            let stores = try await PostgreSQLStores.open(options, migrates: migrates)
            return OpenDatabase(stores: stores) { await stores.close() }
        } catch {
            throw StartError(error.description)
        }
    }
}

extension PostgreSQLOptions {
    init(_ datastore: PostgreSQLDatastore, seed: UInt64) {
        let fixed = datastore.password, command = datastore.passwordCommand
        self.init(parameters: datastore.parameters) { () throws(PasswordUnavailable) in
            if let command { return try PasswordCommandRun.output(of: command) }
            return fixed?.value
        }
        self.sessionSettings = datastore.sessionSettings
        self.connectionsMax = datastore.connectionsMax
        self.idleConnectionsMax = datastore.idleConnectionsMax
        self.connectionLifetime = datastore.connectionLifetime
        self.seed = seed
    }
}

extension ServerConfiguration.Database {
    /// As `GetClusterInfo` names it.
    var storeName: String {
        switch self {
        case .ephemeral, .file: "sqlite"
        case .postgreSQL: "postgres12"
        }
    }
}
