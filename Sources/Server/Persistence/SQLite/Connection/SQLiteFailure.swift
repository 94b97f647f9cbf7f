import CSQLite
import Persistence

/// A call of the SQLite library that did not succeed.
package struct SQLiteFailure: Error, Equatable, Sendable {
    /// The extended result code.
    package let code: Int32
    package let message: String

    /// The result code without its refinement.
    package var primaryCode: Int32 { self.code & 0xff }

    /// This failure of a statement, which therefore did nothing.
    var storeError: StoreError {
        switch self.primaryCode {
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(self.message)
        // The only such error our statements can meet: stored JSON that is none.
        case SQLITE_ERROR where self.message.contains("malformed JSON"): .corrupt(self.message)
        default: .unavailable(self.message)
        }
    }

    /// This failure of a commit.
    ///
    /// A disk that was full took no commit record. After any other failure the record may be in
    /// the log, and be found there after a crash.
    var commitError: StoreError {
        switch self.primaryCode {
        case SQLITE_FULL, SQLITE_BUSY: .unavailable(self.message)
        default: .unknownOutcome(self.message)
        }
    }
}
