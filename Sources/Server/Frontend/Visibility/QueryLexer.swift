import Primitives

/// One word of a visibility query.
enum QueryToken: Equatable, Sendable {
    /// A name as written, or between back quotes: then it is never a keyword.
    case name(String, isQuoted: Bool)
    case string(String)
    /// A number as written.
    case number(String)
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `(`, `)`, `,`
    case symbol(String)
    case end
}

/// Splits a visibility query into words.
struct QueryLexer {
    private let bytes: [UInt8]
    private var position = 0

    init(_ query: String) { self.bytes = Array(query.utf8) }

    /// All words, with ``QueryToken/end`` behind the last.
    static func tokens(_ query: String) throws(ServiceError) -> [QueryToken] {
        guard query.utf8.count <= QueryLimits.lengthMax else {
            throw .invalidQuery("longer than \(QueryLimits.lengthMax) bytes")
        }
        var lexer = QueryLexer(query)
        var tokens: [QueryToken] = []
        repeat { tokens.append(try lexer.next()) } while tokens.last != .end
        return tokens
    }

    private mutating func next() throws(ServiceError) -> QueryToken {
        while let byte = self.peek, byte == 32 || (9...13).contains(byte) { self.position += 1 }
        guard let byte = self.peek else { return .end }
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try self.quoted(byte))
        case UInt8(ascii: "`"): return .name(try self.quoted(byte), isQuoted: true)
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ","), UInt8(ascii: "="):
            self.position += 1
            return .symbol(String(UnicodeScalar(byte)))
        case UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"): return try self.comparison()
        case 48...57, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."): return self.number()
        default:
            guard Self.isNamePart(byte) else {
                throw .invalidQuery("syntax error at position \(self.position + 1)")
            }
            return .name(self.word(while: Self.isNamePart), isQuoted: false)
        }
    }

    private var peek: UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "."), 128...255: true
        default: false
        }
    }

    private mutating func word(while condition: (UInt8) -> Bool) -> String {
        let start = self.position
        while let byte = self.peek, condition(byte) { self.position += 1 }
        return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
    }

    private mutating func comparison() throws(ServiceError) -> QueryToken {
        let first = self.bytes[self.position]
        self.position += 1
        var text = String(UnicodeScalar(first))
        if let second = self.peek {
            let isPair =
                second == UInt8(ascii: "=")
                || first == UInt8(ascii: "<") && second == UInt8(ascii: ">")
            if isPair {
                self.position += 1
                text.unicodeScalars.append(UnicodeScalar(second))
            }
        }
        if text == "<>" { return .symbol("!=") }
        guard text != "!" else {
            throw .invalidQuery("syntax error at position \(self.position)")
        }
        return .symbol(text)
    }

    private mutating func number() -> QueryToken {
        let start = self.position
        self.position += 1
        while let byte = self.peek {
            let previous = self.bytes[self.position - 1]
            let isSign = byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
            let isExponent = previous == UInt8(ascii: "e") || previous == UInt8(ascii: "E")
            guard Self.isNamePart(byte) || isSign && isExponent else { break }
            self.position += 1
        }
        return .number(String(decoding: self.bytes[start..<self.position], as: UTF8.self))
    }

    /// The text up to the closing quote; a quote inside is doubled or escaped.
    private mutating func quoted(_ quote: UInt8) throws(ServiceError) -> String {
        self.position += 1
        var text: [UInt8] = []
        while let byte = self.peek {
            self.position += 1
            if byte == quote {
                guard self.peek == quote else { return String(decoding: text, as: UTF8.self) }
                self.position += 1
                text.append(quote)
            } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "`"),
                let escaped = self.peek
            {
                self.position += 1
                text.append(Self.unescaped(escaped))
            } else {
                text.append(byte)
            }
        }
        throw .invalidQuery("a quote is not closed")
    }

    private static func unescaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "0"): 0
        default: byte
        }
    }
}

/// How large a visibility query may get.
enum QueryLimits {
    static let lengthMax = 32_768
    static let depthMax = 50
    static let conditionsMax = 500
    static let listMax = 1_000
}

extension ServiceError {
    static func invalidQuery(_ reason: String) -> ServiceError {
        .invalidArgument("invalid query: \(reason)")
    }
}
