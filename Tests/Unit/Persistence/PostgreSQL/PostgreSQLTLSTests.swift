import Persistence
import PersistencePostgreSQL
import Testing

/// Connections that are encrypted, and servers that are not who they should be.
@Suite struct PostgreSQLTLSTests {
    /// A database, and where its server's certificates are.
    private static func setting() throws -> (database: TestDatabase, directory: String) {
        let database = try TestDatabase()
        let data = try database.execute("SHOW data_directory")
        return (database, String(data.dropLast("/data".count)))
    }

    @Test("All connections are encrypted, to a server whose certificate is right")
    func verifiedServer() async throws {
        let (database, directory) = try Self.setting()
        let stores = try await database.open {
            $0.parameters["sslmode"] = "verify-full"
            $0.parameters["sslrootcert"] = "\(directory)/ca.pem"
            $0.parameters["host"] = "localhost"
        }
        let range = try await stores.acquireShard(shard, owner: "a")
        try await stores.commit(.start(key("w", "r")), shard: shard, range: range)
        let encrypted = try database.execute(
            """
            SELECT count(*) || ' of ' || (
                SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(database.schema)')
            FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
            WHERE ssl AND application_name = '\(database.schema)'
            """)
        #expect(encrypted == "2 of 2")
    }

    static let strangers: [(host: String, authority: String, reason: String)] = [
        ("localhost", "other-ca.pem", "certificate verify failed"),
        ("db.example.com", "ca.pem", "does not match host name"),
        ("localhost", "missing.pem", "does not exist"),
    ]

    @Test("A server that cannot prove who it is is not told anything", arguments: strangers)
    func stranger(host: String, authority: String, reason: String) async throws {
        let (database, directory) = try Self.setting()
        let error = await #expect(throws: PostgreSQLOpenError.self) {
            try await database.open {
                $0.parameters["sslmode"] = "verify-full"
                $0.parameters["sslrootcert"] = "\(directory)/\(authority)"
                $0.parameters["host"] = host
                $0.parameters["hostaddr"] = "127.0.0.1"
            }
        }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
}
