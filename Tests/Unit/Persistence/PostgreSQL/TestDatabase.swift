import CPostgreSQL
import Foundation
import Persistence
import PersistencePostgreSQL
import Testing

/// Why a test that needs a PostgreSQL server does not have what it needs.
struct TestDatabaseError: Error, CustomStringConvertible {
    let description: String
}

/// Tables of a test's own: a schema of its own on the server that the environment names.
///
/// `TEMPORAL_TEST_POSTGRESQL` is what `scripts/postgres.sh start` prints; `scripts/test.sh` sets
/// it. Without it these tests fail.
struct TestDatabase: Sendable {
    let address: (host: String, port: String)
    let schema: String

    init(address: String? = nil) throws {
        let variable = ProcessInfo.processInfo.environment["TEMPORAL_TEST_POSTGRESQL"]
        guard let parts = (address ?? variable)?.split(separator: ":"), parts.count == 2 else {
            throw TestDatabaseError(
                description: "TEMPORAL_TEST_POSTGRESQL names no server: run the tests with "
                    + "scripts/test.sh, or start one with scripts/postgres.sh")
        }
        self.address = (String(parts[0]), String(parts[1]))
        self.schema = "test_\(UUID().uuidString.lowercased().replacing("-", with: ""))"
        try self.execute("CREATE SCHEMA \(self.schema)")
    }

    /// How to reach the schema.
    var options: PostgreSQLOptions {
        var options = PostgreSQLOptions(parameters: self.parameters) {
            () throws(PostgreSQLOptions.PasswordUnavailable) in Self.password
        }
        options.sessionSettings = ["search_path": self.schema]
        options.connectionsMax = 6
        return options
    }

    static let password = "temporal-password"

    private var parameters: [String: String] {
        [
            "host": self.address.host, "port": self.address.port, "user": "temporal",
            "dbname": "temporal", "application_name": self.schema, "sslmode": "disable",
        ]
    }

    func open(
        _ change: (inout PostgreSQLOptions) -> Void = { _ in }
    ) async throws -> PostgreSQLStores {
        var options = self.options
        change(&options)
        return try await PostgreSQLStores.open(options)
    }

    /// Runs a statement on a connection of its own.
    /// - Returns: the first value of its result.
    @discardableResult
    func execute(_ sql: String) throws -> String {
        let own = ["password": Self.password, "application_name": "test"]
        let text = self.parameters.merging(own) { $1 }.map { "\($0.key)=\($0.value)" }
            .joined(separator: " ")
        let handle = PQconnectdb(text)
        defer { PQfinish(handle) }
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        guard [PGRES_COMMAND_OK, PGRES_TUPLES_OK].contains(PQresultStatus(result)) else {
            throw TestDatabaseError(description: String(cString: PQerrorMessage(handle)))
        }
        guard PQntuples(result) > 0 else { return "" }
        return String(cString: PQgetvalue(result, 0, 0))
    }
}
