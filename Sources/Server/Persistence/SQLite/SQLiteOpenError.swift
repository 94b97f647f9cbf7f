import CSQLite

/// Why a database could not be opened; for the person who starts the server.
package enum SQLiteOpenError: Error, Equatable, Sendable, CustomStringConvertible {
    case inUse(path: String)
    case missingDirectory(path: String, directory: String)
    case notWritable(path: String, reason: String)
    case notADatabase(path: String)
    /// A SQLite database, but of another program.
    case foreignDatabase(path: String)
    case newerSchema(path: String, found: Int, known: Int)
    case failed(path: String, reason: String)

    package var description: String {
        switch self {
        case .inUse(let path):
            "database file \(path) is in use by another process"
        case .missingDirectory(let path, let directory):
            "database file \(path) cannot be created: there is no directory \(directory)"
        case .notWritable(let path, let reason):
            "database file \(path) is not writable: \(reason)"
        case .notADatabase(let path):
            "\(path) is not a database file"
        case .foreignDatabase(let path):
            "\(path) is a database of another program"
        case .newerSchema(let path, let found, let known):
            "database file \(path) has schema version \(found), written by a newer server; "
                + "this one knows versions up to \(known)"
        case .failed(let path, let reason):
            "database file \(path) cannot be opened: \(reason)"
        }
    }
}

extension SQLiteOpenError {
    init(_ failure: SQLiteFailure, path: String) {
        self =
            switch failure.primaryCode {
            case SQLITE_NOTADB: .notADatabase(path: path)
            case SQLITE_BUSY, SQLITE_LOCKED: .inUse(path: path)
            case SQLITE_READONLY, SQLITE_PERM, SQLITE_CANTOPEN:
                .notWritable(path: path, reason: failure.message)
            default: .failed(path: path, reason: failure.message)
            }
    }
}
