/// SDKs that ask for eager activities but do not run them.
enum EagerActivityClients {
    /// Whether the caller is one of them.
    static func mishandle(_ context: CallContext) -> Bool {
        let version = context.metadata["client-version"] ?? ""
        switch context.metadata["client-name"] {
        case "temporal-python":
            return ["0.1a1", "0.1a2", "0.1b1", "0.1b2"].contains(version)
        case "temporal-typescript":
            let core = version.prefix { $0 != "-" && $0 != "+" }
            let numbers = core.split(separator: ".").map { Int($0) }
            guard numbers.count == 3, numbers.allSatisfy({ $0 != nil }) else { return false }
            return numbers.compactMap { $0 }.lexicographicallyPrecedes([1, 4, 4])
        default:
            return false
        }
    }
}
