import DynamicConfig

/// Values for ``Settings`` from a file or from the command line.
package struct DynamicConfigFile: Sendable {
    package let settings: Settings
    /// Keys and constraints that have no effect; to be logged.
    package let warnings: [ConfigurationProblem]

    /// Reads Temporal's dynamic-configuration file: key → list of values with constraints.
    /// - Throws: ``ConfigurationError`` with every value of the wrong type.
    package init(path: String, over settings: Settings) throws(ConfigurationError) {
        try self.init(text: try TextFile.read(path), file: path, over: settings)
    }

    package init(text: String, file: String, over base: Settings) throws(ConfigurationError) {
        let findings = Findings()
        var settings = base
        let tree = try YAMLTree.parse(text, file: file)
        switch tree.value {
        case .null: break
        case .mapping(let pairs):
            for pair in pairs { Self.apply(pair, to: &settings, findings) }
        case .scalar, .sequence:
            findings.refuse(tree, "takes a mapping of keys to lists of values")
        }
        guard findings.problems.isEmpty else { throw ConfigurationError(findings.problems) }
        self.settings = settings
        self.warnings = findings.warnings
    }

    private static func apply(
        _ pair: YAMLTree.Pair, to settings: inout Settings, _ findings: Findings
    ) {
        let place = YAMLTree(file: pair.value.file, line: pair.line, value: .null)
        guard let setting = Settings.entry(pair.key) else {
            findings.warn(place, "unknown key \(pair.key) has no effect")
            return
        }
        guard case .sequence(let values) = pair.value.value else {
            findings.refuse(place, "\(pair.key) takes a list of values, each with its constraints")
            return
        }
        for entry in values {
            var reader = SectionReader(entry, path: pair.key, findings)
            let constraints = reader.section("constraints")
            let value = reader.value("value")
            reader.finish()
            let namespace = setting.isPerNamespace ? constraints?.onlyNamespace : nil
            if namespace == nil, let constraints, let names = constraints.constraintNames {
                findings.warn(
                    entry,
                    "\(pair.key): a value for \(names) has no effect: "
                        + "only values for the \(setting.scopes) are supported yet")
                continue
            }
            guard let value else {
                findings.refuse(entry, "\(pair.key) has an entry without a value")
                continue
            }
            do throws(Settings.Refusal) {
                _ = try settings.set(pair.key, to: value, in: namespace)
            } catch {
                findings.refuse(entry, error.description)
            }
        }
    }
}

/// One `KEY=JSON` of a command line.
package enum DynamicConfigFlag {
    package enum Outcome: Equatable, Sendable {
        case applied
        /// This server has no such tunable.
        case unknownKey(String)
    }

    /// Why a flag is refused.
    package struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Sets what `text` says.
    package static func apply(
        _ text: String, to settings: inout Settings
    ) throws(Refusal) -> Outcome {
        guard let separator = text.firstIndex(of: "="), separator != text.startIndex else {
            throw Refusal(description: "\"\(text)\" is not of the form KEY=JSON_VALUE")
        }
        let key = String(text[..<separator])
        let json = String(text[text.index(after: separator)...])
        guard let value = Settings.Value(json: json) else {
            throw Refusal(
                description:
                    "\(key): \(json) is not a JSON value with its texts in double quotes")
        }
        do {
            return try settings.set(key, to: value) ? .applied : .unknownKey(key)
        } catch {
            throw Refusal(description: error.description)
        }
    }
}

extension Settings.Entry {
    /// What a value can be given for.
    fileprivate var scopes: String {
        self.isPerNamespace ? "whole server or one namespace" : "whole server"
    }
}

extension SectionReader {
    /// A value as dynamic configuration has them.
    fileprivate mutating func value(_ key: String) -> Settings.Value? {
        self.tree(key).flatMap { Settings.Value($0) }
    }

    /// What a value is restricted to, or nil if it holds for the whole server.
    fileprivate var constraintNames: String? {
        guard case .mapping(let pairs) = self.node.value else { return nil }
        let names = pairs.filter { !$0.value.isEmpty }.map(\.key)
        return names.isEmpty ? nil : names.joined(separator: ", ")
    }

    /// The namespace a value is restricted to, if that is all.
    fileprivate var onlyNamespace: String? {
        guard case .mapping(let pairs) = self.node.value else { return nil }
        let named = pairs.filter { !$0.value.isEmpty }
        guard named.count == 1, named[0].key.lowercased() == "namespace",
            case .scalar(let name, _) = named[0].value.value
        else { return nil }
        return name
    }
}

extension Settings.Value {
    /// A YAML value; nil for a missing one.
    fileprivate init?(_ tree: YAMLTree) {
        switch tree.value {
        case .null: return nil
        case .scalar(let text, let isPlain): self = isPlain ? .init(plain: text) : .string(text)
        case .sequence(let trees): self = .list(trees.compactMap { Self($0) })
        case .mapping(let pairs):
            var values: [String: Self] = [:]
            for pair in pairs { values[pair.key] = Self(pair.value) }
            self = .map(values)
        }
    }

    /// A YAML scalar without quotes.
    private init(plain text: String) {
        if let flag = ["true": true, "false": false][text.lowercased()] {
            self = .bool(flag)
        } else if let number = Int64(text) {
            self = .int(number)
        } else if let number = Double(text), number.isFinite {
            self = .double(number)
        } else {
            self = .string(text)
        }
    }

    /// A JSON value; nil for anything else.
    fileprivate init?(json text: String) {
        guard let tree = try? YAMLTree.parse(text, file: ""), tree.isJSON(text) else { return nil }
        self.init(tree)
    }
}

extension YAMLTree {
    /// Whether this, read from `text`, is JSON as well: texts are quoted, and so are keys.
    fileprivate func isJSON(_ text: String) -> Bool {
        switch self.value {
        case .null: false
        case .scalar(let scalar, let isPlain):
            isPlain
                ? Settings.Value(self) != .string(scalar)
                : text.first == "\"" && text.last == "\"" && text.utf8.count > 1
        case .sequence(let values):
            text.first == "[" && values.allSatisfy { $0.isJSONMember }
        case .mapping(let pairs):
            text.first == "{" && pairs.allSatisfy { $0.value.isJSONMember }
        }
    }

    /// Whether this can stand within a JSON list or object.
    private var isJSONMember: Bool {
        switch self.value {
        case .null: true
        case .scalar(let scalar, let isPlain):
            !isPlain || Settings.Value(self) != .string(scalar)
        case .sequence(let values): values.allSatisfy { $0.isJSONMember }
        case .mapping(let pairs): pairs.allSatisfy { $0.value.isJSONMember }
        }
    }
}
