import CSQLite
import Persistence

/// A value bound to a parameter of a statement.
package enum SQLiteValue: Sendable, Equatable {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    case null

    static func optional(_ text: String?) -> SQLiteValue { text.map { .text($0) } ?? .null }
    static func optional(_ number: Int64?) -> SQLiteValue { number.map { .integer($0) } ?? .null }

    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        // Safe because this is how C spells "make a copy" (SQLITE_TRANSIENT).
        let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch self {
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .null: return sqlite3_bind_null(statement, index)
        case .text(var text):
            return text.withUTF8 { bytes in
                guard let base = bytes.baseAddress, !bytes.isEmpty else {
                    return sqlite3_bind_text(statement, index, "", 0, copying)
                }
                return base.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    sqlite3_bind_text(statement, index, $0, Int32(clamping: bytes.count), copying)
                }
            }
        case .blob(let bytes):
            // No address would mean null, not empty.
            if bytes.isEmpty { return sqlite3_bind_zeroblob(statement, index, 0) }
            return bytes.withUnsafeBytes {
                sqlite3_bind_blob(
                    statement, index, $0.baseAddress, Int32(clamping: $0.count), copying)
            }
        }
    }
}

/// One row of a result, valid until its statement goes on.
package struct SQLiteRow: ~Copyable {
    fileprivate let statement: OpaquePointer

    init(statement: OpaquePointer) { self.statement = statement }

    package func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(self.statement, column) == SQLITE_NULL
    }

    package func integer(_ column: Int32) throws(StoreError) -> Int64 {
        try self.check(column, is: SQLITE_INTEGER)
        return sqlite3_column_int64(self.statement, column)
    }

    package func int32(_ column: Int32) throws(StoreError) -> Int32 {
        let number = try self.integer(column)
        guard let small = Int32(exactly: number) else {
            throw .corrupt("column \(self.name(column)) holds \(number)")
        }
        return small
    }

    package func text(_ column: Int32) throws(StoreError) -> String {
        try self.check(column, is: SQLITE_TEXT)
        guard let bytes = sqlite3_column_text(self.statement, column) else { return "" }
        let count = Int(sqlite3_column_bytes(self.statement, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    package func optionalText(_ column: Int32) throws(StoreError) -> String? {
        self.isNull(column) ? nil : try self.text(column)
    }

    package func blob(_ column: Int32) throws(StoreError) -> [UInt8] {
        try self.check(column, is: SQLITE_BLOB)
        guard let bytes = sqlite3_column_blob(self.statement, column) else { return [] }
        let count = Int(sqlite3_column_bytes(self.statement, column))
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
    }

    private func check(_ column: Int32, is type: Int32) throws(StoreError) {
        guard sqlite3_column_type(self.statement, column) == type else {
            throw .corrupt("column \(self.name(column)) holds a value of the wrong type")
        }
    }

    private func name(_ column: Int32) -> String {
        sqlite3_column_name(self.statement, column).map { String(cString: $0) } ?? "\(column)"
    }
}
