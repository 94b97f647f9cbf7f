import Persistence
import PersistenceSQL

/// Search attributes in the column `search_attributes`: ``AttributeJSON``, but with texts as
/// ``SQLText`` has them, and null where a run has none, which keeps it out of the index.
enum StoredAttributes {
    static func encode(_ attributes: [String: SearchAttributeValue]) -> String? {
        attributes.isEmpty
            ? nil : AttributeJSON.encode(attributes.mapValues { $0.mapTexts(SQLText.escaped) })
    }

    static func decode(_ json: String?) throws(StoreError) -> [String: SearchAttributeValue] {
        guard let json else { return [:] }
        return try AttributeJSON.decode(json).mapValues { $0.mapTexts(SQLText.unescaped) }
    }

    /// What stored attributes contain if the attribute `name` equals `value`, or has it among its
    /// elements.
    static func containing(
        _ name: String, _ type: SearchAttributeType, _ value: VisibilityOperand
    ) -> String {
        switch value {
        case .string(let text):
            AttributeJSON.containing(name, type, .string(SQLText.escaped(text)))
        case .number, .tokens, .list: AttributeJSON.containing(name, type, value)
        }
    }
}

extension SearchAttributeValue {
    fileprivate func mapTexts(_ change: (String) -> String) -> SearchAttributeValue {
        switch self {
        case .keyword(let text): .keyword(change(text))
        case .text(let text): .text(change(text))
        case .keywordList(let elements): .keywordList(elements.map(change))
        case .int, .double, .bool, .datetime: self
        }
    }
}
