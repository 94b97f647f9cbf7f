/// The tables of a database, for who looks after them.
package enum PostgreSQLSchema {
    /// The version this server works with.
    package static var version: Int { Schema.version }

    /// The version of a database, 0 if it has no tables yet.
    package static func versionFound(
        _ options: PostgreSQLOptions
    ) async throws(PostgreSQLOpenError) -> Int {
        try await SchemaCommand.run(.inspect, options)
    }

    /// Brings a database to the newest version.
    /// - Returns: the version it had.
    package static func migrate(
        _ options: PostgreSQLOptions
    ) async throws(PostgreSQLOpenError) -> Int {
        try await SchemaCommand.run(.migrate, options)
    }
}
