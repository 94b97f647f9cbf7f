/// Why a database cannot be used; for the person who starts the server.
package enum PostgreSQLOpenError: Error, Equatable, Sendable, CustomStringConvertible {
    case unreachable(database: String, reason: String)
    case oldServer(database: String, version: Int)
    case wrongEncoding(database: String, encoding: String)
    /// The tables of another program, or of another kind of Temporal server.
    case foreignDatabase(database: String)
    case newerSchema(database: String, found: Int, known: Int)
    case olderSchema(database: String, found: Int, known: Int)
    case failed(database: String, reason: String)

    package var description: String {
        switch self {
        case .unreachable(let database, let reason):
            "database \(database) cannot be reached: \(reason)"
        case .oldServer(let database, let version):
            "database \(database) is on PostgreSQL \(version); version 12 or later is needed"
        case .wrongEncoding(let database, let encoding):
            "database \(database) has the encoding \(encoding); make it with ENCODING 'UTF8'"
        case .foreignDatabase(let database):
            "database \(database) has tables of another program"
        case .newerSchema(let database, let found, let known):
            "database \(database) has schema version \(found), written by a newer server; "
                + "this one knows versions up to \(known)"
        case .olderSchema(let database, let found, let known):
            "database \(database) has schema version \(found) and needs \(known): "
                + "run temporal-server schema migrate"
        case .failed(let database, let reason):
            "database \(database) cannot be used: \(reason)"
        }
    }
}
