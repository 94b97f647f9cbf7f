import CPostgreSQL
import Persistence
import Primitives

/// The rows one statement returned, in binary form.
final class SQLResult {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { PQclear(self.handle) }

    var rowCount: Int { Int(PQntuples(self.handle)) }

    /// How many rows the statement changed.
    var changedCount: Int {
        PQcmdTuples(self.handle).flatMap { Int(String(cString: $0)) } ?? 0
    }

    var rows: some Sequence<SQLRow> {
        (0..<PQntuples(self.handle)).lazy.map { SQLRow(result: self, number: $0) }
    }

    var first: SQLRow? { self.rowCount > 0 ? SQLRow(result: self, number: 0) : nil }

    fileprivate func isNull(_ row: Int32, _ column: Int32) -> Bool {
        PQgetisnull(self.handle, row, column) == 1
    }

    fileprivate func withBytes<Value>(
        _ row: Int32, _ column: Int32,
        _ body: (UnsafeBufferPointer<UInt8>) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        guard !self.isNull(row, column), let start = PQgetvalue(self.handle, row, column) else {
            throw .corrupt("column \(self.name(column)) is null")
        }
        let count = Int(PQgetlength(self.handle, row, column))
        let raw = UnsafeRawBufferPointer(start: start, count: count)
        return try body(raw.assumingMemoryBound(to: UInt8.self))
    }

    fileprivate func name(_ column: Int32) -> String {
        PQfname(self.handle, column).map { String(cString: $0) } ?? "\(column)"
    }
}

/// One row of a result.
struct SQLRow {
    private let result: SQLResult
    private let number: Int32

    fileprivate init(result: SQLResult, number: Int32) {
        self.result = result
        self.number = number
    }

    func isNull(_ column: Int32) -> Bool { self.result.isNull(self.number, column) }

    func int8(_ column: Int32) throws(StoreError) -> Int64 {
        Int64(bitPattern: try self.integer(column, bytes: 8))
    }

    func int4(_ column: Int32) throws(StoreError) -> Int32 {
        Int32(truncatingIfNeeded: try self.integer(column, bytes: 4))
    }

    func bool(_ column: Int32) throws(StoreError) -> Bool {
        try self.integer(column, bytes: 1) != 0
    }

    func text(_ column: Int32) throws(StoreError) -> String {
        try self.result.withBytes(self.number, column) { (bytes) throws(StoreError) in
            SQLText.unescaped(bytes)
        }
    }

    func optionalText(_ column: Int32) throws(StoreError) -> String? {
        self.isNull(column) ? nil : try self.text(column)
    }

    func bytea(_ column: Int32) throws(StoreError) -> [UInt8] {
        try self.result.withBytes(self.number, column) { (bytes) throws(StoreError) in
            [UInt8](bytes)
        }
    }

    /// The text of a JSON value.
    func jsonb(_ column: Int32) throws(StoreError) -> String {
        let name = self.result.name(column)
        return try self.result.withBytes(self.number, column) { (bytes) throws(StoreError) in
            guard bytes.first == 1 else { throw .corrupt("column \(name) holds no JSON") }
            return String(decoding: bytes.dropFirst(), as: UTF8.self)
        }
    }

    func archetype(_ column: Int32) throws(StoreError) -> Archetype {
        let number = try self.int4(column)
        guard let archetype = Archetype(rawValue: number) else {
            throw .corrupt("unknown archetype \(number)")
        }
        return archetype
    }

    private func integer(_ column: Int32, bytes count: Int) throws(StoreError) -> UInt64 {
        let name = self.result.name(column)
        return try self.result.withBytes(self.number, column) { (bytes) throws(StoreError) in
            guard bytes.count == count else {
                throw .corrupt("column \(name) holds a value of the wrong type")
            }
            return bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
