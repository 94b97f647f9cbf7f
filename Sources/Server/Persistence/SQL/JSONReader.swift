import Persistence

/// What ``AttributeJSON`` uses of JSON.
indirect enum StoredJSON: Sendable {
    case string(String)
    case number(Int64)
    case list([String])
    case object([Member])

    struct Member: Sendable {
        let name: String
        let value: StoredJSON
    }
}

/// Reads the little of JSON that ``AttributeJSON`` writes, in the spelling of any database.
struct JSONReader {
    /// Objects in objects, at most; what we write has two.
    private static let depthMax = 4

    private var bytes: Substring.UTF8View
    private var depth = 0

    init(_ json: String) { self.bytes = json[...].utf8 }

    mutating func value() throws(StoreError) -> StoredJSON {
        self.skipSpaces()
        return switch self.bytes.first {
        case UInt8(ascii: "\""): .string(try self.string())
        case UInt8(ascii: "["): .list(try self.list())
        case UInt8(ascii: "{"): .object(try self.object())
        default: .number(try self.number())
        }
    }

    mutating func object() throws(StoreError) -> [StoredJSON.Member] {
        guard self.depth < Self.depthMax else { throw self.malformed }
        self.depth += 1
        defer { self.depth -= 1 }
        var members: [StoredJSON.Member] = []
        try self.expect("{")
        if self.skip("}") { return members }
        repeat {
            let name = try self.string()
            try self.expect(":")
            members.append(StoredJSON.Member(name: name, value: try self.value()))
        } while self.skip(",")
        try self.expect("}")
        return members
    }

    /// Nothing may be left.
    func end() throws(StoreError) {
        if !self.bytes.isEmpty { throw self.malformed }
    }

    private mutating func list() throws(StoreError) -> [String] {
        var elements: [String] = []
        try self.expect("[")
        if self.skip("]") { return elements }
        repeat { elements.append(try self.string()) } while self.skip(",")
        try self.expect("]")
        return elements
    }

    private mutating func number() throws(StoreError) -> Int64 {
        let digits = self.bytes.prefix { $0 == UInt8(ascii: "-") || (48...57).contains($0) }
        guard let number = Int64(String(decoding: digits, as: UTF8.self)) else {
            throw self.malformed
        }
        self.bytes = self.bytes.dropFirst(digits.count)
        return number
    }

    private mutating func string() throws(StoreError) -> String {
        try self.expect("\"")
        var text: [UInt8] = []
        while let byte = self.bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text.append(try self.escaped())
            default: text.append(byte)
            }
        }
        throw self.malformed
    }

    /// What follows a backslash; only control characters are written by their code.
    private mutating func escaped() throws(StoreError) -> UInt8 {
        switch self.bytes.popFirst() {
        case UInt8(ascii: "\""): return UInt8(ascii: "\"")
        case UInt8(ascii: "\\"): return UInt8(ascii: "\\")
        case UInt8(ascii: "b"): return 8
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "f"): return 12
        case UInt8(ascii: "r"): return 13
        case UInt8(ascii: "u"):
            let digits = self.bytes.prefix(4)
            guard digits.count == 4,
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 16), code < 128
            else { throw self.malformed }
            self.bytes = self.bytes.dropFirst(4)
            return code
        default: throw self.malformed
        }
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(StoreError) {
        guard self.skip(character) else { throw self.malformed }
    }

    private mutating func skipSpaces() {
        while self.bytes.first == UInt8(ascii: " ") { self.bytes = self.bytes.dropFirst() }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        self.skipSpaces()
        guard self.bytes.first == UInt8(ascii: character) else { return false }
        self.bytes = self.bytes.dropFirst()
        return true
    }

    private var malformed: StoreError {
        .corrupt("search attributes are not in their stored form")
    }
}
