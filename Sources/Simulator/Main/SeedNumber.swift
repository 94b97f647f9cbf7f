import ArgumentParser

/// A seed on the command line: decimal, or hexadecimal behind `0x`.
struct SeedNumber: ExpressibleByArgument, Sendable {
    let value: UInt64

    init(_ value: UInt64) { self.value = value }

    init?(argument: String) {
        let hexadecimal = argument.hasPrefix("0x") ? UInt64(argument.dropFirst(2), radix: 16) : nil
        guard let value = hexadecimal ?? UInt64(argument) else { return nil }
        self.value = value
    }

    /// The seed among raw arguments, found without a parser.
    static func first(in arguments: [String]) -> SeedNumber? {
        for (index, argument) in arguments.enumerated() {
            if argument.hasPrefix("--seed=") {
                return SeedNumber(argument: String(argument.dropFirst("--seed=".count)))
            }
            if argument == "--seed", index + 1 < arguments.count {
                return SeedNumber(argument: arguments[index + 1])
            }
        }
        return nil
    }
}

/// Seeds on the command line: `1..200`, both ends included.
struct SeedRange: ExpressibleByArgument, Sendable {
    let values: ClosedRange<UInt64>

    init?(argument: String) {
        let ends = argument.split(separator: ".", omittingEmptySubsequences: true)
        guard ends.count == 2, argument == "\(ends[0])..\(ends[1])",
            let first = SeedNumber(argument: String(ends[0]))?.value,
            let last = SeedNumber(argument: String(ends[1]))?.value, first <= last
        else { return nil }
        self.values = first...last
    }
}
