import FoundationEssentials
import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI

/// Why a payload is not a search attribute's value.
package enum SearchAttributeRefusal: Error, Equatable, Sendable {
    /// Neither the namespace nor the payload says what type the value has.
    case typeUnknown
    /// The payload is not JSON, so nothing can be indexed.
    case encodingUnknown
    /// The value does not have the attribute's type.
    case wrongType
}

extension SearchAttributeType {
    /// The name as payload metadata and command lines spell it.
    package var name: String {
        switch self {
        case .text: "Text"
        case .keyword: "Keyword"
        case .int: "Int"
        case .double: "Double"
        case .bool: "Bool"
        case .datetime: "Datetime"
        case .keywordList: "KeywordList"
        }
    }

    /// The type of this name: `KeywordList`, or `INDEXED_VALUE_TYPE_KEYWORD_LIST`.
    package init?(name: String) {
        let prefix = "INDEXED_VALUE_TYPE_"
        let wanted =
            name.hasPrefix(prefix)
            ? String(name.dropFirst(prefix.count).filter { $0 != "_" }) : name
        let found = Self.allCases.first { $0.name.lowercased() == wanted.lowercased() }
        guard let found else { return nil }
        self = found
    }

    /// The type a payload's metadata claims.
    package init?(metadataOf payload: Temporal_Api_Common_V1_Payload) {
        guard let bytes = payload.metadata["type"] else { return nil }
        self.init(name: String(decoding: bytes, as: UTF8.self))
    }
}

extension SearchAttributeValue {
    /// The value in `payload`, or nil if it removes the attribute (null or an empty list).
    ///
    /// - Parameters:
    ///   - payload: what a caller or a worker set.
    ///   - type: the registered type; nil to go by the payload's own metadata.
    /// - Throws: ``SearchAttributeRefusal``
    package init?(
        _ payload: Temporal_Api_Common_V1_Payload, type: SearchAttributeType? = nil
    ) throws(SearchAttributeRefusal) {
        let encoding = payload.metadata["encoding"].map { String(decoding: $0, as: UTF8.self) }
        if encoding == "binary/null" { return nil }
        guard encoding == "json/plain" else { throw .encodingUnknown }
        guard let type = type ?? SearchAttributeType(metadataOf: payload) else {
            throw .typeUnknown
        }
        var reader = AttributeReader(bytes: [UInt8](payload.data))
        guard let json = reader.document() else { throw .encodingUnknown }
        switch (json, type) {
        case (.null, _): return nil
        case (.list(let items), .keywordList):
            var words: [String] = []
            for item in items {
                guard case .string(let word) = item else { throw .wrongType }
                words.append(word)
            }
            guard !words.isEmpty else { return nil }
            self = .keywordList(words)
        case (.list(let items), _):
            // Some SDKs send every attribute as a list.
            guard let only = items.first else { return nil }
            guard items.count == 1, let value = Self.scalar(only, type: type) else {
                throw .wrongType
            }
            self = value
        case (.bool, _), (.int, _), (.double, _), (.string, _):
            guard let value = Self.scalar(json, type: type) else { throw .wrongType }
            self = value
        }
    }

    private static func scalar(
        _ json: AttributeReader.Value, type: SearchAttributeType
    ) -> SearchAttributeValue? {
        switch (type, json) {
        case (.text, .string(let text)): .text(text)
        case (.keyword, .string(let text)): .keyword(text)
        case (.int, .int(let number)): .int(number)
        case (.double, .int(let number)): .double(Double(number))
        case (.double, .double(let number)): .double(number)
        case (.bool, .bool(let flag)): .bool(flag)
        case (.datetime, .string(let text)): Timestamp(rfc3339: text).map { .datetime($0) }
        case (.text, _), (.keyword, _), (.int, _), (.double, _), (.bool, _), (.datetime, _),
            (.keywordList, _):
            nil
        }
    }
}

/// The values of search attributes that were checked when they came in; removals are left out.
///
/// For whoever writes visibility rows. An attribute that cannot be decoded is left out as well:
/// it stays readable in the run's payloads, it just cannot be searched for.
package func decodeSearchAttributes(
    _ fields: [String: Temporal_Api_Common_V1_Payload]
) -> [String: SearchAttributeValue] {
    var values: [String: SearchAttributeValue] = [:]
    for (name, payload) in fields {
        do throws(SearchAttributeRefusal) {
            values[name] = try SearchAttributeValue(payload)
        } catch {
            continue
        }
    }
    return values
}

extension Timestamp {
    /// A time as RFC 3339 writes it, with up to nine digits of a second; nil if it is not one.
    package init?(rfc3339 text: String) {
        var scanner = DigitScanner(bytes: Array(text.utf8))
        guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2),
            scanner.skip("-"), let day = scanner.number(2),
            scanner.skip("T") || scanner.skip("t") || scanner.skip(" "),
            let hour = scanner.number(2), scanner.skip(":"), let minute = scanner.number(2),
            scanner.skip(":"), let second = scanner.number(2),
            (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        guard let fraction = scanner.fraction(), let offset = scanner.offset(),
            scanner.isAtEnd
        else { return nil }
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return nil }
        let (sum, overflowed) = scaled.addingReportingOverflow(fraction)
        guard !overflowed else { return nil }
        self.init(nanoseconds: sum)
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar, years counted from March.
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }
}

/// Reads the fixed-width numbers of a time.
private struct DigitScanner {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { self.position == self.bytes.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard self.position < self.bytes.count,
            self.bytes[self.position] == UInt8(ascii: character)
        else { return false }
        self.position += 1
        return true
    }

    mutating func number(_ digits: Int) -> Int64? {
        guard self.position + digits <= self.bytes.count else { return nil }
        var value: Int64 = 0
        for byte in self.bytes[self.position..<self.position + digits] {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        self.position += digits
        return value
    }

    /// Nanoseconds behind the decimal point; 0 if there is none.
    mutating func fraction() -> Int64? {
        guard self.skip(".") else { return 0 }
        var value: Int64 = 0, digits = 0
        while self.position < self.bytes.count, (48...57).contains(self.bytes[self.position]) {
            guard digits < 9 else { return nil }
            value = value * 10 + Int64(self.bytes[self.position] - 48)
            digits += 1
            self.position += 1
        }
        guard digits > 0 else { return nil }
        for _ in digits..<9 { value *= 10 }
        return value
    }

    /// Seconds east of UTC.
    mutating func offset() -> Int64? {
        if self.skip("Z") || self.skip("z") { return 0 }
        let sign: Int64
        if self.skip("+") {
            sign = 1
        } else if self.skip("-") {
            sign = -1
        } else {
            return nil
        }
        guard let hours = self.number(2), self.skip(":"), let minutes = self.number(2),
            hours < 24, minutes < 60
        else { return nil }
        return sign * (hours * 3_600 + minutes * 60)
    }
}

/// Reads the JSON a search attribute can be: a scalar, or a list of scalars.
private struct AttributeReader {
    enum Value {
        case null
        case bool(Bool)
        case int(Int64)
        case double(Double)
        case string(String)
        case list([Value])
    }

    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() -> Value? {
        guard let value = self.value(listsAllowed: true) else { return nil }
        self.skipSpace()
        return self.position == self.bytes.count ? value : nil
    }

    private mutating func value(listsAllowed: Bool) -> Value? {
        self.skipSpace()
        guard let first = self.peek else { return nil }
        switch first {
        case UInt8(ascii: "\""): return self.string().map { .string($0) }
        case UInt8(ascii: "["): return listsAllowed ? self.list() : nil
        case UInt8(ascii: "n"): return self.word("null") ? .null : nil
        case UInt8(ascii: "t"): return self.word("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return self.word("false") ? .bool(false) : nil
        default: return self.number()
        }
    }

    private var peek: UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private mutating func skipSpace() {
        while let byte = self.peek, byte == 32 || byte == 9 || byte == 10 || byte == 13 {
            self.position += 1
        }
    }

    private mutating func word(_ text: StaticString) -> Bool {
        let wanted = text.withUTF8Buffer { Array($0) }
        guard self.bytes[self.position...].starts(with: wanted) else { return false }
        self.position += wanted.count
        return true
    }

    private mutating func list() -> Value? {
        self.position += 1
        var items: [Value] = []
        self.skipSpace()
        if self.peek == UInt8(ascii: "]") {
            self.position += 1
            return .list(items)
        }
        while let item = self.value(listsAllowed: false) {
            items.append(item)
            self.skipSpace()
            guard let separator = self.peek else { return nil }
            self.position += 1
            if separator == UInt8(ascii: "]") { return .list(items) }
            guard separator == UInt8(ascii: ",") else { return nil }
        }
        return nil
    }

    private mutating func number() -> Value? {
        let start = self.position
        while let byte = self.peek, Self.isNumberPart(byte) { self.position += 1 }
        guard start < self.position else { return nil }
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        guard let first = text.utf8.first, first != 43, first != 46 else { return nil }
        if let number = Int64(text) { return .int(number) }
        guard let number = Double(text), number.isFinite else { return nil }
        return .double(number)
    }

    private static func isNumberPart(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
            UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private mutating func string() -> String? {
        self.position += 1
        var text: [UInt8] = []
        while let byte = self.peek {
            self.position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = self.escape() else { return nil }
                text.append(contentsOf: Array(String(Character(scalar)).utf8))
            case 0..<32: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let byte = self.peek else { return nil }
        self.position += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "u"): return self.unicodeEscape()
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        default: return nil
        }
    }

    private mutating func unicodeEscape() -> Unicode.Scalar? {
        guard let high = self.hexadecimal() else { return nil }
        guard (0xd800..<0xdc00).contains(high) else { return Unicode.Scalar(high) }
        guard self.word("\\u"), let low = self.hexadecimal(), (0xdc00..<0xe000).contains(low)
        else { return nil }
        return Unicode.Scalar(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }

    private mutating func hexadecimal() -> UInt32? {
        guard self.position + 4 <= self.bytes.count else { return nil }
        let text = String(
            decoding: self.bytes[self.position..<self.position + 4], as: UTF8.self)
        guard text.utf8.allSatisfy({ $0 != 43 && $0 != 45 }), let value = UInt32(text, radix: 16)
        else { return nil }
        self.position += 4
        return value
    }
}
