/// The input of one run of a program: which program, which of its parts, and what came before.
package struct ProgramInput: Equatable, Sendable {
    package let seed: UInt64
    package let part: Int
    package let outcomes: [String]
    /// Signals earlier runs of the chain received.
    package let signals: Set<String>
    /// Whether an earlier run was asked to cancel itself.
    package let isCancelRequested: Bool

    package init(
        seed: UInt64, part: Int = 0, outcomes: [String] = [], signals: Set<String> = [],
        isCancelRequested: Bool = false
    ) {
        self.seed = seed
        self.part = part
        self.outcomes = outcomes
        self.signals = signals
        self.isCancelRequested = isCancelRequested
    }

    package var text: String {
        (["\(self.seed) \(self.part)"] + self.outcomes.map { "outcome \($0)" }
            + self.signals.sorted().map { "signal \($0)" }
            + (self.isCancelRequested ? ["cancel requested"] : [])).joined(separator: "\n")
    }

    package init?(text: String) {
        let lines = text.split(separator: "\n")
        let head = lines.first?.split(separator: " ") ?? []
        guard head.count == 2, let seed = UInt64(head[0]), let part = Int(head[1]) else {
            return nil
        }
        func rest(of word: String) -> [String] {
            lines.dropFirst().filter { $0.hasPrefix(word + " ") }
                .map { String($0.dropFirst(word.count + 1)) }
        }
        self.init(
            seed: seed, part: part, outcomes: rest(of: "outcome"),
            signals: Set(rest(of: "signal")),
            isCancelRequested: rest(of: "cancel") == ["requested"])
    }
}
