/// How to reach a PostgreSQL database, and how much to ask of it at a time.
package struct PostgreSQLOptions: Sendable {
    /// libpq's connection parameters by name: `host`, `port`, `user`, `dbname`, `sslmode`, ….
    package var parameters: [String: String]
    /// Settings of each session, by name.
    package var sessionSettings: [String: String] = [:]
    /// Asked before each connection is opened; the password may change from one to the next.
    package var password: @Sendable () throws(PasswordUnavailable) -> String?
    /// Connections, in all.
    package var connectionsMax = 20
    /// Connections that are kept though nobody needs them.
    package var idleConnectionsMax = 20
    /// How long a connection is used before it makes room for a new one; nil is for ever.
    package var connectionLifetime: Duration?
    /// Calls that wait for a connection; further ones are refused.
    package var waitingMax = 100_000
    /// How long a call waits for a connection.
    package var patience = Duration.seconds(10)
    /// How long the server may work on one statement.
    package var statementTimeout = Duration.seconds(10)
    /// How long one attempt to connect may take, for each address.
    package var connectTimeout = Duration.seconds(5)
    /// Where the threads' generators come from, which spread their attempts to connect again.
    package var seed: UInt64 = 0

    package init(
        parameters: [String: String],
        password: @escaping @Sendable () throws(PasswordUnavailable) -> String? = {
            () throws(PasswordUnavailable) in nil
        }
    ) {
        self.parameters = parameters
        self.password = password
    }

    /// Why there is no password to connect with.
    package struct PasswordUnavailable: Error, Sendable {
        package let reason: String

        package init(_ reason: String) { self.reason = reason }
    }

    /// The database and where it is, for people; without anything secret.
    package var description: String {
        let host = self.parameters["host"] ?? "localhost"
        let port = self.parameters["port"].map { ":\($0)" } ?? ""
        return "\(self.parameters["dbname"] ?? "") at \(host)\(port)"
    }
}
