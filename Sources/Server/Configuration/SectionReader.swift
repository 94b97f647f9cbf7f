import DynamicConfig

/// Reads one mapping of a configuration key by key.
///
/// A key that nobody asked for is a problem.
struct SectionReader {
    /// As in `services.frontend.rpc`; empty for the whole file.
    let path: String
    let node: YAMLTree
    private let findings: Findings
    private var unread: [YAMLTree.Pair]
    /// Keys whose values were refused.
    private var refused: Set<String> = []

    init(_ node: YAMLTree, path: String, _ findings: Findings) {
        self.path = path
        self.node = node
        self.findings = findings
        switch node.value {
        case .mapping(let pairs): self.unread = pairs
        case .null: self.unread = []
        case .scalar, .sequence:
            self.unread = []
            findings.refuse(node, "\(path) takes a mapping of keys to values")
        }
    }

    var isEmpty: Bool { self.unread.isEmpty }

    func name(_ key: String) -> String { self.path.isEmpty ? key : "\(self.path).\(key)" }

    func problem(_ message: String) { self.findings.refuse(self.node, message) }

    /// As a problem, but one that commands can do with, of which some mend it.
    func postpone(_ node: YAMLTree, _ message: String) { self.findings.postpone(node, message) }

    func hasProblem(with key: String) -> Bool { self.refused.contains(key) }

    /// The value of `key`, or nil if it is missing or null.
    private mutating func take(_ key: String) -> YAMLTree? {
        guard let index = self.unread.firstIndex(where: { $0.key == key }) else { return nil }
        let value = self.unread.remove(at: index).value
        if case .null = value.value { return nil }
        return value
    }

    /// A single value, as `convert` reads it.
    mutating func value<Value>(
        _ key: String, takes what: String, _ convert: (String, _ isPlain: Bool) -> Value?
    ) -> Located<Value>? {
        guard let node = self.take(key) else { return nil }
        guard case .scalar(let text, let isPlain) = node.value, let value = convert(text, isPlain)
        else {
            self.refused.insert(key)
            self.findings.refuse(node, "\(self.name(key)) takes \(what)")
            return nil
        }
        return Located(value: value, node: node)
    }

    /// A value, and where it is written.
    struct Located<Value> {
        let value: Value
        let node: YAMLTree
    }

    mutating func located(_ key: String) -> Located<String>? {
        self.value(key, takes: "a text") { text, _ in text }
    }

    /// A value that may be of any type.
    mutating func tree(_ key: String) -> YAMLTree? { self.take(key) }

    mutating func string(_ key: String) -> String? { self.located(key)?.value }

    mutating func int(_ key: String, _ range: ClosedRange<Int>) -> Int? {
        self.value(
            key, takes: "a whole number from \(range.lowerBound) to \(range.upperBound)"
        ) { text, isPlain in
            guard isPlain, let number = Int(text), range.contains(number) else { return nil }
            return number
        }?.value
    }

    mutating func bool(_ key: String) -> Located<Bool>? {
        self.value(key, takes: "true or false") { text, isPlain in
            isPlain ? ["true": true, "false": false][text.lowercased()] : nil
        }
    }

    mutating func duration(_ key: String) -> Located<Duration>? {
        self.value(key, takes: "a duration like 10s, 500ms or 1h30m") { text, _ in
            Settings.duration(.string(text))
        }
    }

    /// A text that must be one of a few.
    mutating func choice<Value>(_ key: String, _ choices: KeyValuePairs<String, Value>) -> Value? {
        let names = choices.map(\.key).filter { !$0.isEmpty }.joined(separator: ", ")
        return self.value(key, takes: "one of \(names)") { text, _ in
            choices.first { $0.key == text }?.value
        }?.value
    }

    /// A list of texts.
    mutating func strings(_ key: String) -> [String]? {
        guard let node = self.take(key) else { return nil }
        if case .sequence(let elements) = node.value {
            let texts = elements.compactMap { element -> String? in
                if case .scalar(let text, _) = element.value { text } else { nil }
            }
            if texts.count == elements.count { return texts }
        }
        self.findings.refuse(node, "\(self.name(key)) takes a list of texts")
        return nil
    }

    /// Every remaining key with its value, which must be a single one.
    mutating func remainingScalars() -> [(name: String, value: String)] {
        let keys = self.unread.map(\.key)
        return keys.compactMap { key in self.located(key).map { (key, $0.value) } }
    }

    mutating func section(_ key: String) -> SectionReader? {
        guard let node = self.take(key) else { return nil }
        return SectionReader(node, path: self.name(key), self.findings)
    }

    /// Every remaining key of this section as a section of its own.
    mutating func namedSections() -> [(name: String, section: SectionReader)] {
        let pairs = self.unread
        self.unread = []
        return pairs.map {
            ($0.key, SectionReader($0.value, path: self.name($0.key), self.findings))
        }
    }

    /// Takes keys that mean nothing to this server, and whose absence nobody would notice.
    mutating func ignore(_ keys: String...) {
        for key in keys { _ = self.take(key) }
    }

    /// Takes everything that is left without looking at it.
    mutating func ignoreRest() { self.unread = [] }

    /// Refuses a key whose effect an operator would count on.
    mutating func refuse(_ keys: String..., because reason: String = "is not supported yet") {
        for key in keys {
            guard let node = self.take(key), !node.isEmpty else { continue }
            self.findings.refuse(node, "\(self.name(key)) \(reason)")
        }
    }

    /// Says something about this section that somebody should know.
    func warning(_ message: String) { self.findings.warn(self.node, message) }

    /// Says that a key has no effect.
    mutating func warn(_ key: String, _ message: String) {
        guard let node = self.take(key), !node.isEmpty else { return }
        self.findings.warn(node, "\(self.name(key)) \(message)")
    }

    /// Reports what is left: keys this server does not know.
    func finish() {
        for pair in self.unread {
            let place = YAMLTree(file: pair.value.file, line: pair.line, value: .null)
            self.findings.refuse(place, "unknown key \(self.name(pair.key))")
        }
    }
}

extension YAMLTree {
    /// Whether this says nothing: null, an empty text, or a mapping of such.
    var isEmpty: Bool {
        switch self.value {
        case .null: true
        case .scalar(let text, _): text.isEmpty
        case .sequence(let values): values.isEmpty
        case .mapping(let pairs): pairs.allSatisfy { $0.value.isEmpty }
        }
    }
}
