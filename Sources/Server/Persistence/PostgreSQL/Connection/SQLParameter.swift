/// A value bound to a parameter of a statement, in PostgreSQL's binary form.
struct SQLParameter: Sendable, Equatable {
    /// The types we use, by their numbers in every PostgreSQL.
    enum DataType: UInt32, Sendable {
        case bytea = 17
        case int8 = 20
        case int4 = 23
        case text = 25
        case jsonb = 3802
        case byteaArray = 1001
        case int4Array = 1007
        case textArray = 1009
        case int8Array = 1016
        case jsonbArray = 3807
    }

    let type: DataType
    /// nil is null.
    let bytes: [UInt8]?

    static func int8(_ number: Int64) -> SQLParameter {
        SQLParameter(type: .int8, bytes: number.bigEndianBytes)
    }

    static func int4(_ number: Int32) -> SQLParameter {
        SQLParameter(type: .int4, bytes: number.bigEndianBytes)
    }

    static func text(_ text: String) -> SQLParameter {
        SQLParameter(type: .text, bytes: Array(SQLText.escaped(text).utf8))
    }

    static func text(_ text: String?) -> SQLParameter {
        guard let text else { return SQLParameter(type: .text, bytes: nil) }
        return .text(text)
    }

    static func bytea(_ bytes: [UInt8]) -> SQLParameter { SQLParameter(type: .bytea, bytes: bytes) }

    static func jsonb(_ json: String) -> SQLParameter {
        SQLParameter(type: .jsonb, bytes: [Self.jsonbVersion] + Array(json.utf8))
    }

    /// The most rows wanted.
    static func limit(_ countMax: Int) -> SQLParameter { .int8(Int64(max(countMax, 0))) }

    fileprivate static let jsonbVersion: UInt8 = 1
}

/// An array as a parameter: one column of many rows.
struct SQLColumn: Sendable {
    private let type: SQLParameter.DataType
    private let elementType: SQLParameter.DataType
    private var elements: [UInt8] = []
    private(set) var count = 0
    private var hasNull = false

    private init(_ type: SQLParameter.DataType, of elementType: SQLParameter.DataType) {
        self.type = type
        self.elementType = elementType
    }

    static var int8: SQLColumn { SQLColumn(.int8Array, of: .int8) }
    static var int4: SQLColumn { SQLColumn(.int4Array, of: .int4) }
    static var text: SQLColumn { SQLColumn(.textArray, of: .text) }
    static var bytea: SQLColumn { SQLColumn(.byteaArray, of: .bytea) }
    static var jsonb: SQLColumn { SQLColumn(.jsonbArray, of: .jsonb) }

    mutating func append(_ number: Int64) { self.appendElement(number.bigEndianBytes) }
    mutating func append(_ number: Int32) { self.appendElement(number.bigEndianBytes) }
    mutating func append(_ text: String) { self.appendElement(SQLText.escaped(text).utf8) }
    mutating func append(_ bytes: [UInt8]) { self.appendElement(bytes) }

    mutating func append(_ number: Int64?) {
        if let number { self.append(number) } else { self.appendNull() }
    }

    mutating func append(_ text: String?) {
        if let text { self.append(text) } else { self.appendNull() }
    }

    /// A text that equals none that is stored.
    mutating func appendWhatNoTextIs() { self.appendElement(SQLText.unused) }

    mutating func append(json: String?) {
        guard let json else { return self.appendNull() }
        self.appendElement([SQLParameter.jsonbVersion] + Array(json.utf8))
    }

    private mutating func appendElement(_ bytes: some Collection<UInt8>) {
        self.elements += Int32(clamping: bytes.count).bigEndianBytes
        self.elements += bytes
        self.count += 1
    }

    private mutating func appendNull() {
        self.elements += Int32(-1).bigEndianBytes
        self.count += 1
        self.hasNull = true
    }

    var parameter: SQLParameter {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + self.elements.count)
        bytes += Int32(self.count > 0 ? 1 : 0).bigEndianBytes
        bytes += Int32(self.hasNull ? 1 : 0).bigEndianBytes
        bytes += self.elementType.rawValue.bigEndianBytes
        if self.count > 0 {
            bytes += Int32(clamping: self.count).bigEndianBytes
            bytes += Int32(1).bigEndianBytes
            bytes += self.elements
        }
        return SQLParameter(type: self.type, bytes: bytes)
    }
}

extension FixedWidthInteger {
    /// As the network spells it.
    fileprivate var bigEndianBytes: [UInt8] {
        withUnsafeBytes(of: self.bigEndian) { [UInt8]($0) }
    }
}
