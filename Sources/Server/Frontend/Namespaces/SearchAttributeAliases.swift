import Persistence
import Primitives
import ServiceClients

/// How a namespace's own search attributes are kept: each takes a numbered field of its type
/// (`Keyword01`), the name callers use is an alias of that field.
///
/// Only `config.custom_search_attribute_aliases` knows the fields; history and visibility use the
/// callers' names.
package enum SearchAttributeAliases {
    /// Types by alias.
    package static func types(_ aliases: [String: String]) -> [String: SearchAttributeType] {
        var types: [String: SearchAttributeType] = [:]
        for (field, alias) in aliases where !alias.isEmpty {
            types[alias] = self.type(ofField: field)
        }
        return types
    }

    /// Fields a namespace has of a type.
    static func fieldsMax(_ type: SearchAttributeType) -> Int {
        switch type {
        case .keyword: 10
        case .text, .int, .double, .bool, .datetime, .keywordList: 3
        }
    }

    /// The type of `Keyword01`; nil for a name that is no field.
    static func type(ofField field: String) -> SearchAttributeType? {
        let digits = field.suffix(2)
        guard let number = Int(digits), number >= 1,
            digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let type = SearchAttributeType.allCases.first(where: { $0.name == field.dropLast(2) }),
            number <= self.fieldsMax(type)
        else { return nil }
        return type
    }

    /// `aliases` with `added` as well; those that are there already stay as they are.
    /// - Throws: `invalidArgument` for a reserved name, another type than the attribute has, or
    ///   more attributes of a type than there are fields.
    package static func adding(
        _ added: [String: SearchAttributeType], to aliases: [String: String]
    ) throws(ServiceError) -> [String: String] {
        var aliases = aliases
        let present = self.types(aliases)
        for (name, type) in added.sorted(by: { $0.key < $1.key }) {
            guard !SearchAttributeCatalog.isReserved(name), !name.isEmpty else {
                throw .invalidArgument("Search attribute \(name) is reserved by system.")
            }
            if let existing = present[name] {
                guard existing == type else {
                    throw .invalidArgument(
                        "Search attribute \(name) already exists with type \(existing.name).")
                }
                continue
            }
            let fields = (1...self.fieldsMax(type)).map { number in
                type.name + (number < 10 ? "0" : "") + String(number)
            }
            guard let free = fields.first(where: { aliases[$0] == nil }) else {
                throw .invalidArgument(
                    "Unable to create search attributes: cannot have more than "
                        + "\(self.fieldsMax(type)) search attribute of type \(type.name).")
            }
            aliases[free] = name
        }
        return aliases
    }

    /// `aliases` after a caller's update by field: an empty alias frees its field.
    package static func updating(
        _ aliases: [String: String], with changes: [String: String]
    ) throws(ServiceError) -> [String: String] {
        var aliases = aliases
        for (field, alias) in changes.sorted(by: { $0.key < $1.key }) {
            guard self.type(ofField: field) != nil else {
                throw .invalidArgument("\(field) is not a custom search attribute field.")
            }
            if alias.isEmpty {
                aliases[field] = nil
                continue
            }
            guard !SearchAttributeCatalog.isReserved(alias) else {
                throw .invalidArgument("Search attribute \(alias) is reserved by system.")
            }
            guard aliases[field] == nil || aliases[field] == alias else {
                throw .invalidArgument("Custom search attribute field name already allocated.")
            }
            guard aliases.allSatisfy({ $0.value != alias || $0.key == field }) else {
                throw .invalidArgument("Search attribute \(alias) already exists.")
            }
            aliases[field] = alias
        }
        return aliases
    }
}
