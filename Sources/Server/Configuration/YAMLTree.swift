import Yams

/// A YAML value that knows the file and line it came from.
struct YAMLTree {
    enum Value {
        case null
        /// `isPlain`: written without quotes, so that it may be a number or a boolean.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLTree])
        /// In the order of the file.
        case mapping([Pair])
    }

    struct Pair {
        let key: String
        /// Of the key.
        let line: Int
        let value: YAMLTree
    }

    let file: String
    let line: Int
    let value: Value

    /// Reads one YAML document.
    static func parse(_ text: String, file: String) throws(ConfigurationError) -> YAMLTree {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ConfigurationError([Self.problem(error, file: file)])
        } catch {
            throw ConfigurationError([
                ConfigurationProblem(file: file, line: nil, message: "not YAML: \(error)")
            ])
        }
        guard let node else { return YAMLTree(file: file, line: 1, value: .null) }
        return YAMLTree(node, file: file, line: 1)
    }

    private static func problem(_ error: YamlError, file: String) -> ConfigurationProblem {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ConfigurationProblem(file: file, line: mark.line, message: "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            ConfigurationProblem(
                file: file, line: context.mark.line,
                message: "duplicate key: \(duplicates.sorted().joined(separator: ", "))")
        case .reader(let problem, _, _, _):
            ConfigurationProblem(file: file, line: nil, message: "not YAML: \(problem)")
        default:
            ConfigurationProblem(file: file, line: nil, message: "not YAML")
        }
    }

    init(file: String, line: Int, value: Value) {
        self.file = file
        self.line = line
        self.value = value
    }

    private init(_ node: Node, file: String, line: Int) {
        let line = node.mark?.line ?? line
        let value: Value
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            let isNull = isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            value = isNull ? .null : .scalar(scalar.string, isPlain: isPlain)
        case .sequence(let sequence):
            value = .sequence(sequence.map { YAMLTree($0, file: file, line: line) })
        case .mapping(let mapping):
            value = .mapping(
                mapping.map { key, value in
                    let keyLine = key.mark?.line ?? line
                    return Pair(
                        key: key.scalar?.string ?? "", line: keyLine,
                        value: YAMLTree(value, file: file, line: keyLine))
                })
        case .alias:
            value = .null
        }
        self.init(file: file, line: line, value: value)
    }

    /// This value with `other` on top: mappings are merged, anything else is replaced.
    func merged(with other: YAMLTree) -> YAMLTree {
        guard case .mapping(let below) = self.value, case .mapping(let above) = other.value else {
            if case .null = other.value { return self }
            return other
        }
        var pairs = below
        for pair in above {
            if let index = pairs.firstIndex(where: { $0.key == pair.key }) {
                let merged = pairs[index].value.merged(with: pair.value)
                pairs[index] = Pair(key: pair.key, line: pair.line, value: merged)
            } else {
                pairs.append(pair)
            }
        }
        return YAMLTree(file: other.file, line: other.line, value: .mapping(pairs))
    }
}
