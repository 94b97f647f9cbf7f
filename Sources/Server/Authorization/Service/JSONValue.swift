import FoundationEssentials

/// JSON of which only a few things are of interest.
enum JSONValue: Codable, Equatable, Sendable {
    case text(String)
    case number(Double)
    case list([JSONValue])
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let list = try? container.decode([JSONValue].self) {
            self = .list(list)
        } else {
            self = .other
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .list(let list): try container.encode(list)
        case .other: try container.encodeNil()
        }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
}

extension Decodable {
    /// Reads an answer; whatever is wrong with it, it is the answer that is wrong.
    static func read(_ bytes: [UInt8]) throws(OutsideFailure) -> Self {
        do {
            return try JSONDecoder().decode(Self.self, from: Data(bytes))
        } catch {
            throw .unreadable
        }
    }
}
