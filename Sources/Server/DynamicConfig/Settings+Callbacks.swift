extension Settings {
    /// The tunables of completion callbacks.
    static let callbackEntries: [Entry] = [
        int("callback.maxPerExecution", \.callbacksMax, 0...100_000),
        int("frontend.callbackURLMaxLength", \.callbackURLLengthMax, 1...100_000),
        int("frontend.callbackHeaderMaxLength", \.callbackHeaderSizeMax, 0...1_000_000),
        duration("callback.request.timeout", \.callbackRequestTimeout),
        duration("callback.retryPolicy.initialInterval", \.callbackRetryIntervalInitial),
        duration("callback.retryPolicy.maxInterval", \.callbackRetryIntervalMax),
        addresses("callback.allowedAddresses"),
        // What it was called before, and still is in many an operator's file.
        addresses("component.callbacks.allowedAddresses"),
    ]

    /// A list of rules, for one namespace or for all without a list of their own.
    private static func addresses(_ key: String) -> Entry {
        Entry(key: key, isPerNamespace: true) { (settings, value, namespace) throws(Refusal) in
            guard case .list(let values) = value else { throw addressesRefusal(key) }
            var rules: [CallbackAddressRules.Rule] = []
            for value in values { rules.append(try rule(value, key)) }
            if let namespace {
                settings.callbackAddresses.byNamespace[namespace] = rules
            } else {
                settings.callbackAddresses.everywhere = rules
            }
        }
    }

    private static func rule(
        _ value: Value, _ key: String
    ) throws(Refusal) -> CallbackAddressRules.Rule {
        guard case .map(let fields) = value else { throw addressesRefusal(key) }
        var pattern = ""
        var allowsInsecure = false
        for (name, value) in fields {
            switch (name.lowercased().filter { $0 != "_" }, value) {
            case ("pattern", .string(let text)): pattern = text
            case ("allowinsecure", .bool(let flag)): allowsInsecure = flag
            default: throw addressesRefusal(key)
            }
        }
        guard !pattern.isEmpty else { throw addressesRefusal(key) }
        return .init(pattern: pattern, allowsInsecure: allowsInsecure)
    }

    private static func addressesRefusal(_ key: String) -> Refusal {
        Refusal(
            description:
                "\(key) takes a list of rules with a Pattern (host:port, * matches anything) and "
                + "AllowInsecure (true or false)")
    }
}
