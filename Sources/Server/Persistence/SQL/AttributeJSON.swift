import Persistence
import Primitives

/// The form search attributes are stored in: one JSON object, which SQL can look into.
///
///     {"Customer":{"keyword":"acme"},"Notes":{"text":"Big Deal","tokens":["big","deal"]},
///      "Paid":{"bool":1},"Price":{"double":4617878467915022336}}
///
/// A value stands under its type, so that values of another type are not found. Doubles are stored
/// as ``Swift/Double/orderedBits`` and texts with their words, so that SQL compares exactly what
/// every other store compares. The form holds nothing but objects, strings, whole numbers and
/// lists of strings.
package enum AttributeJSON {
    /// The JSON path of a column's values, or of what a text is compared by.
    package static func path(
        _ name: String, _ type: SearchAttributeType, forComparison: Bool
    ) -> String {
        let member = type == .text && forComparison ? "tokens" : self.member(type)
        return "$.\"\(self.label(name))\".\(member)"
    }

    package static func encode(_ attributes: [String: SearchAttributeValue]) -> String {
        var json = "{"
        for (name, value) in attributes.sorted(by: { precedesInBytes($0.key, $1.key) }) {
            if json.utf8.count > 1 { json += "," }
            self.append(self.label(name), to: &json)
            json += ":{\"\(self.member(value.type))\":"
            self.append(value, to: &json)
            json += "}"
        }
        return json + "}"
    }

    /// One attribute that equals `value`, or has it among its elements: what stored attributes
    /// must contain to match.
    package static func containing(
        _ name: String, _ type: SearchAttributeType, _ value: VisibilityOperand
    ) -> String {
        let member = type == .text ? "tokens" : self.member(type)
        var json = ""
        self.append(self.label(name), to: &json)
        json = "{\(json):{\"\(member)\":"
        switch value {
        case .number(let number): json += "\(number)"
        case .string(let text) where type == .keywordList: self.append([text], to: &json)
        case .string(let text): self.append(text, to: &json)
        case .tokens(let elements), .list(let elements): self.append(elements, to: &json)
        }
        return json + "}}"
    }

    private static func append(_ value: SearchAttributeValue, to json: inout String) {
        switch value {
        case .keyword(let text): self.append(text, to: &json)
        case .text(let text):
            self.append(text, to: &json)
            json += ",\"tokens\":"
            self.append(searchTokens(text), to: &json)
        case .int(let number): json += "\(number)"
        case .double(let number): json += "\(number.orderedBits)"
        case .bool(let flag): json += flag ? "1" : "0"
        case .datetime(let time): json += "\(time.nanoseconds)"
        case .keywordList(let elements): self.append(elements, to: &json)
        }
    }

    private static func append(_ elements: [String], to json: inout String) {
        json += "["
        for (index, element) in elements.enumerated() {
            if index > 0 { json += "," }
            self.append(element, to: &json)
        }
        json += "]"
    }

    private static func append(_ text: String, to json: inout String) {
        json += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\u{0}"..."\u{1f}":
                json += scalar.value < 16 ? "\\u000" : "\\u00"
                json += String(scalar.value, radix: 16)
            default: json.unicodeScalars.append(scalar)
            }
        }
        json += "\""
    }

    /// A name as it stands in the object, never empty.
    ///
    /// Quotes, backslashes and control characters are written as `%` and their code, because a JSON
    /// path has no escapes for them.
    package static func label(_ name: String) -> String {
        if name.isEmpty { return "%" }
        var label = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\"", "\\", "%", "\u{0}"..."\u{1f}":
                label += scalar.value < 16 ? "%0" : "%"
                label += String(scalar.value, radix: 16)
            default: label.unicodeScalars.append(scalar)
            }
        }
        return label
    }

    fileprivate static func name(label: String) -> String? {
        if label == "%" { return "" }
        guard label.utf8.contains(UInt8(ascii: "%")) else { return label }
        var name = "", rest = label.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "%" else {
                name.unicodeScalars.append(scalar)
                continue
            }
            guard rest.count >= 2, let code = UInt8(String(rest.prefix(2)), radix: 16) else {
                return nil
            }
            rest.removeFirst(2)
            name.unicodeScalars.append(Unicode.Scalar(code))
        }
        return name
    }

    package static func member(_ type: SearchAttributeType) -> String {
        switch type {
        case .text: "text"
        case .keyword: "keyword"
        case .int: "int"
        case .double: "double"
        case .bool: "bool"
        case .datetime: "datetime"
        case .keywordList: "keywordList"
        }
    }
}

extension AttributeJSON {
    /// - Throws: ``StoreError/corrupt(_:)`` if this is not what ``encode(_:)`` writes.
    package static func decode(_ json: String) throws(StoreError) -> [String: SearchAttributeValue]
    {
        var reader = JSONReader(json)
        var attributes: [String: SearchAttributeValue] = [:]
        for attribute in try reader.object() {
            guard case .object(let members) = attribute.value, let first = members.first,
                let name = self.name(label: attribute.name),
                let type = SearchAttributeType.allCases.first(where: {
                    self.member($0) == first.name
                }),
                let decoded = self.value(first.value, type)
            else { throw .corrupt("search attributes are not in their stored form") }
            attributes[name] = decoded
        }
        try reader.end()
        return attributes
    }

    /// A list as SQL hands it out.
    package static func decodeList(_ json: String) throws(StoreError) -> [String] {
        var reader = JSONReader(json)
        guard case .list(let elements) = try reader.value() else {
            throw .corrupt("a keyword list is not in its stored form")
        }
        try reader.end()
        return elements
    }

    private static func value(
        _ json: StoredJSON, _ type: SearchAttributeType
    ) -> SearchAttributeValue? {
        switch (type, json) {
        case (.text, .string(let text)): .text(text)
        case (.keyword, .string(let text)): .keyword(text)
        case (.int, .number(let number)): .int(number)
        case (.double, .number(let number)): .double(Double(orderedBits: number))
        case (.bool, .number(let number)): .bool(number != 0)
        case (.datetime, .number(let number)): .datetime(Timestamp(nanoseconds: number))
        case (.keywordList, .list(let elements)): .keywordList(elements)
        default: nil
        }
    }
}
