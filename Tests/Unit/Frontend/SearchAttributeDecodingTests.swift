import FoundationEssentials
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct SearchAttributeDecodingTests {
    static let noon = Timestamp(nanoseconds: 1_577_880_000_000_000_000)

    static let values: [(String, SearchAttributeType, SearchAttributeValue?)] = [
        ("\"red\"", .keyword, .keyword("red")),
        (" \"\\u00e9\\ud83d\\ude00\\n\\\"\" ", .keyword, .keyword("é😀\n\"")),
        ("[\"red\"]", .keyword, .keyword("red")),
        ("\"some words\"", .text, .text("some words")),
        ("-42", .int, .int(-42)),
        ("9223372036854775807", .int, .int(.max)),
        ("2.5e1", .double, .double(25)),
        ("3", .double, .double(3)),
        ("true", .bool, .bool(true)),
        ("\"2020-01-01T12:00:00Z\"", .datetime, .datetime(noon)),
        ("\"2020-01-01T07:00:00.000000000-05:00\"", .datetime, .datetime(noon)),
        ("[\"a\", \"b\"]", .keywordList, .keywordList(["a", "b"])),
        ("null", .int, nil),
        ("[]", .keywordList, nil),
        ("[ ]", .bool, nil),
    ]

    @Test("A payload's JSON is the value it says", arguments: values)
    func decodes(json: String, type: SearchAttributeType, value: SearchAttributeValue?) throws {
        #expect(try SearchAttributeValue(.json(json), type: type) == value)
    }

    static let wrong: [(String, SearchAttributeType, SearchAttributeRefusal)] = [
        ("3", .keyword, .wrongType), ("\"3\"", .int, .wrongType), ("1.5", .int, .wrongType),
        ("1", .bool, .wrongType), ("\"yesterday\"", .datetime, .wrongType),
        ("\"2021-02-29T00:00:00Z\"", .datetime, .wrongType), ("[1]", .keywordList, .wrongType),
        ("\"a\"", .keywordList, .wrongType), ("[\"a\",\"b\"]", .keyword, .wrongType),
        ("", .keyword, .encodingUnknown), ("{}", .keyword, .encodingUnknown),
        ("[[1]]", .int, .encodingUnknown), ("\"open", .keyword, .encodingUnknown),
        ("\"\\ud800\"", .keyword, .encodingUnknown), ("1 2", .int, .encodingUnknown),
        ("1e999", .double, .encodingUnknown), ("nul", .int, .encodingUnknown),
    ]

    @Test("A payload that is not a value of its type is refused", arguments: wrong)
    func refuses(json: String, type: SearchAttributeType, refusal: SearchAttributeRefusal) {
        #expect(throws: refusal) { try SearchAttributeValue(.json(json), type: type) }
    }

    @Test("Without a registered type the payload's own metadata counts")
    func metadata() throws {
        #expect(try SearchAttributeValue(.json("1", type: "Double")) == .double(1))
        #expect(throws: SearchAttributeRefusal.typeUnknown) { try SearchAttributeValue(.json("1")) }
        let null = Temporal_Api_Common_V1_Payload.with {
            $0.metadata["encoding"] = Data("binary/null".utf8)
        }
        #expect(try SearchAttributeValue(null) == nil)
        let encrypted = Temporal_Api_Common_V1_Payload.with {
            $0.metadata["encoding"] = Data("binary/encrypted".utf8)
        }
        #expect(throws: SearchAttributeRefusal.encodingUnknown) {
            try SearchAttributeValue(encrypted, type: .keyword)
        }
    }

    @Test("Types are known by all their spellings")
    func typeNames() {
        for type in SearchAttributeType.allCases {
            #expect(SearchAttributeType(name: type.name) == type)
        }
        #expect(SearchAttributeType(name: "INDEXED_VALUE_TYPE_KEYWORD_LIST") == .keywordList)
        #expect(SearchAttributeType(name: "datetime") == .datetime)
        #expect(SearchAttributeType(name: "Number") == nil)
    }

    @Test(
        "Times before 1970 and leap days are read",
        arguments: [
            ("1969-12-31T23:59:59Z", -1), ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400), ("1900-03-01T00:00:00+01:00", -2_203_894_800),
            ("2100-03-01T00:00:00z", 4_107_542_400),
        ])
    func times(text: String, seconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.nanoseconds == seconds * 1_000_000_000)
    }

    @Test("Random bytes decode or are refused", arguments: 0..<100)
    func fuzz(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let alphabet = Array("\"\\[]{},:0123456789eE+-.ntu abfTZ\u{1}\u{ff}".utf8)
        for _ in 0..<200 {
            let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            var payload = Temporal_Api_Common_V1_Payload.json("")
            payload.data = Data(bytes)
            for type in SearchAttributeType.allCases {
                do throws(SearchAttributeRefusal) {
                    _ = try SearchAttributeValue(payload, type: type)
                } catch {
                    #expect(error != .typeUnknown)
                }
            }
            _ = Timestamp(rfc3339: String(decoding: bytes, as: UTF8.self))
        }
    }
}
