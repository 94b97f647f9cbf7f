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
        guard Settings.entries.contains(where: { $0.key.lowercased() == pair.key.lowercased() })
        else {
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
            if let constraints, let names = constraints.constraintNames {
                findings.warn(
                    entry,
                    "\(pair.key): a value for \(names) has no effect: "
                        + "only values for the whole server are supported yet")
                continue
            }
            guard let value else {
                findings.refuse(entry, "\(pair.key) has an entry without a value")
                continue
            }
            do throws(Settings.Refusal) {
                _ = try settings.set(pair.key, to: value)
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
                    "\(key): \(json) is not a JSON number, boolean or text in double quotes")
        }
        do {
            return try settings.set(key, to: value) ? .applied : .unknownKey(key)
        } catch {
            throw Refusal(description: error.description)
        }
    }
}

extension SectionReader {
    /// A scalar as dynamic configuration has them.
    fileprivate mutating func value(_ key: String) -> Settings.Value? {
        guard let located = self.scalar(key) else { return nil }
        guard located.isPlain else { return .string(located.text) }
        return Settings.Value(plain: located.text)
    }

    /// What a value is restricted to, or nil if it holds for the whole server.
    fileprivate var constraintNames: String? {
        guard case .mapping(let pairs) = self.node.value else { return nil }
        let names = pairs.filter { !$0.value.isEmpty }.map(\.key)
        return names.isEmpty ? nil : names.joined(separator: ", ")
    }
}

extension Settings.Value {
    /// A YAML scalar without quotes.
    fileprivate init(plain text: String) {
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

    /// A JSON scalar; nil for anything else.
    fileprivate init?(json text: String) {
        let isQuoted = text.first == "\"" && text.last == "\"" && text.utf8.count > 1
        guard let tree = try? YAMLTree.parse(text, file: ""),
            case .scalar(let scalar, let isPlain) = tree.value, isPlain != isQuoted
        else { return nil }
        let value = isPlain ? Settings.Value(plain: scalar) : .string(scalar)
        if isPlain, case .string = value { return nil }
        self = value
    }
}
