import CSQLite
import Persistence

/// A connection to a database; used by one thread at a time.
package final class SQLiteConnection: @unchecked Sendable {
    // Safe because each connection belongs to one thread: to the one that opens it, then to the
    // one it is handed to.
    private var handle: OpaquePointer?
    /// Statements by their text, ready to run.
    private var statements: [String: OpaquePointer] = [:]
    private let statementsMax = 256

    /// Opens or creates the database at `path`; an empty path is one of its own, gone when it is
    /// closed.
    package init(path: String) throws(SQLiteFailure) {
        _ = Self.libraryIsConfigured
        let flags =
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &self.handle, flags, nil)
        guard code == SQLITE_OK else {
            let failure = self.failure(code)
            sqlite3_close_v2(self.handle)
            self.handle = nil
            throw failure
        }
        sqlite3_busy_timeout(self.handle, 5_000)
    }

    deinit { self.close() }

    private static let libraryIsConfigured: Bool =
        sqlite3_without_memory_statistics() == SQLITE_OK

    package func close() {
        self.forgetStatements()
        sqlite3_close_v2(self.handle)
        self.handle = nil
    }

    /// Whether a transaction is open.
    package var isInTransaction: Bool { sqlite3_get_autocommit(self.handle) == 0 }

    /// Runs statements that take and return nothing.
    package func execute(_ sql: String) throws(SQLiteFailure) {
        let code = sqlite3_exec(self.handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw self.failure(code) }
    }

    /// Runs one statement to its end.
    /// - Returns: how many rows it changed.
    @discardableResult
    package func run(_ sql: String, _ values: SQLiteValue...) throws(StoreError) -> Int {
        let statement = try self.prepared(sql, values)
        defer { Self.release(statement) }
        let code = sqlite3_step(statement)
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw self.failure(code).storeError }
        return Int(sqlite3_changes(self.handle))
    }

    /// Runs a query and makes a value of each row, up to the first that gives none.
    package func query<Value>(
        _ sql: String, _ values: [SQLiteValue],
        _ transform: (borrowing SQLiteRow) throws(StoreError) -> Value?
    ) throws(StoreError) -> [Value] {
        let statement = try self.prepared(sql, values)
        defer { Self.release(statement) }
        var rows: [Value] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_DONE: return rows
            case SQLITE_ROW:
                guard let value = try transform(SQLiteRow(statement: statement)) else {
                    return rows
                }
                rows.append(value)
            case let code: throw self.failure(code).storeError
            }
        }
    }

    /// The first row of a query.
    package func first<Value>(
        _ sql: String, _ values: SQLiteValue...,
        row transform: (borrowing SQLiteRow) throws(StoreError) -> Value
    ) throws(StoreError) -> Value? {
        let statement = try self.prepared(sql, values)
        defer { Self.release(statement) }
        switch sqlite3_step(statement) {
        case SQLITE_DONE: return nil
        case SQLITE_ROW: return try transform(SQLiteRow(statement: statement))
        case let code: throw self.failure(code).storeError
        }
    }

    private func prepared(
        _ sql: String, _ values: [SQLiteValue]
    ) throws(StoreError) -> OpaquePointer {
        let statement = try self.statement(sql)
        for (index, value) in values.enumerated() {
            let code = value.bind(to: statement, at: Int32(index + 1))
            guard code == SQLITE_OK else {
                Self.release(statement)
                throw self.failure(code).storeError
            }
        }
        return statement
    }

    private func statement(_ sql: String) throws(StoreError) -> OpaquePointer {
        if let statement = self.statements[sql] { return statement }
        if self.statements.count >= self.statementsMax { self.forgetStatements() }
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(
            self.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw self.failure(code).storeError }
        self.statements[sql] = statement
        return statement
    }

    /// No statement is running whenever another one is asked for, so all may go.
    private func forgetStatements() {
        for statement in self.statements.values { sqlite3_finalize(statement) }
        self.statements = [:]
    }

    private static func release(_ statement: OpaquePointer) {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
    }

    private func failure(_ code: Int32) -> SQLiteFailure {
        let text = self.handle.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(code)
        return SQLiteFailure(code: code, message: text.map { String(cString: $0) } ?? "")
    }
}
