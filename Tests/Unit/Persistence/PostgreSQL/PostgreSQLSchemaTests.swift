import Persistence
import PersistencePostgreSQL
import Testing

@Suite struct PostgreSQLSchemaTests {
    @Test("Ten processes that start at once make the tables once")
    func concurrentMigrations() async throws {
        let database = try TestDatabase()
        #expect(try await PostgreSQLSchema.versionFound(database.options) == 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    let stores = try await database.open { $0.connectionsMax = 3 }
                    _ = try await stores.acquireShard(shard, owner: "a")
                    await stores.close()
                }
            }
            try await group.waitForAll()
        }
        let versions = try database.execute(
            "SELECT count(*) FROM \(database.schema).temporal_server_schema")
        #expect(versions == "\(PostgreSQLSchema.version)")
        let range = try database.execute("SELECT range_id FROM \(database.schema).shards")
        #expect(range == "10")
    }

    @Test("Migrating again changes nothing")
    func migrateTwice() async throws {
        let database = try TestDatabase()
        #expect(try await PostgreSQLSchema.migrate(database.options) == 0)
        #expect(
            try await PostgreSQLSchema.migrate(database.options) == PostgreSQLSchema.version)
    }

    @Test("A newer schema is refused, and left alone")
    func newerSchemaIsRefused() async throws {
        let database = try TestDatabase()
        _ = try await PostgreSQLSchema.migrate(database.options)
        try database.execute(
            "INSERT INTO \(database.schema).temporal_server_schema (version) VALUES (99)")
        let error = PostgreSQLOpenError.newerSchema(
            database: database.options.description, found: 99, known: PostgreSQLSchema.version)
        for migrates in [true, false] {
            await #expect(throws: error) {
                try await PostgreSQLStores.open(database.options, migrates: migrates)
            }
        }
        #expect(error.description.contains("written by a newer server"))
        #expect(try await PostgreSQLSchema.versionFound(database.options) == 99)
    }

    @Test("Tables that are missing are refused if they may not be made")
    func missingTablesAreRefused() async throws {
        let database = try TestDatabase()
        let error = await #expect(throws: PostgreSQLOpenError.self) {
            try await PostgreSQLStores.open(database.options, migrates: false)
        }
        #expect(error?.description.contains("run temporal-server schema migrate") == true)
        #expect(try await PostgreSQLSchema.versionFound(database.options) == 0)
    }

    @Test("The tables of another program are refused")
    func foreignTablesAreRefused() async throws {
        let database = try TestDatabase()
        try database.execute("CREATE TABLE \(database.schema).executions (id integer)")
        await #expect(
            throws: PostgreSQLOpenError.foreignDatabase(database: database.options.description)
        ) {
            try await PostgreSQLStores.open(database.options)
        }
    }

    @Test("Errors name the database and the role, never the password")
    func errorsAreDiscreet() async throws {
        let database = try TestDatabase()
        var options = database.options
        options.password = { () throws(PostgreSQLOptions.PasswordUnavailable) in "wr0ng-secret" }
        let refused = await #expect(throws: PostgreSQLOpenError.self) {
            try await PostgreSQLStores.open(options)
        }
        let text = refused?.description ?? ""
        #expect(text.contains("temporal at 127.0.0.1"))
        #expect(text.contains("password authentication failed for user \"temporal\""))
        #expect(!text.contains("wr0ng"))
        options = database.options
        options.parameters["port"] = "1"
        let unreachable = await #expect(throws: PostgreSQLOpenError.self) {
            try await PostgreSQLStores.open(options)
        }
        #expect(unreachable?.description.contains("cannot be reached") == true)
    }
}
