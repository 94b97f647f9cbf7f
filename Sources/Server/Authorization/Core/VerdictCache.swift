import Primitives

/// Remembers what was thought of tokens, and sees to it that one question is asked once.
///
/// Believed and refused tokens are kept apart, so that nobody pushes others out by trying.
package struct VerdictCache<Key: Hashable & Sendable>: Sendable {
    package enum Lookup: Equatable, Sendable {
        case known(Verdict)
        /// Ask, and tell with ``answered(_:_:askedAt:)``.
        case ask
        /// Somebody asks already; the answer is theirs too.
        case wait
        /// Too many questions are open.
        case refuse
    }

    package struct Limits: Equatable, Sendable {
        /// Tokens of a kind that are remembered, together with the namespaces of those they are of.
        package var entriesMax = 100_000
        /// Questions that are open at a time.
        package var askingMax = 2_000
        /// How long an answer is believed, at most.
        package var ageMax: Duration

        package init(ageMax: Duration) { self.ageMax = ageMax }

        /// Whether an answer is for somebody who came at this time, while it was waited for.
        ///
        /// What was over before they came is not, such as the time of their token.
        package func isMeant(
            _ verdict: Verdict, askedAt: Timestamp, forCallerOf time: Timestamp
        ) -> Bool {
            guard askedAt + self.ageMax > time else { return false }
            return switch verdict {
            case .believed(_, let until): until > time
            case .refused: true
            }
        }
    }

    private struct Entry: Sendable {
        let verdict: Verdict
        let endsAt: Timestamp
    }

    private let limits: Limits
    private var believed: RecentEntries<Key, Entry>
    private var refused: RecentEntries<Key, Entry>
    /// Questions that are open, each with the generation it was asked in.
    private var asking: [Key: Int] = [:]
    /// Goes up when everything is forgotten.
    private var generation = 0

    package init(_ limits: Limits) {
        self.limits = limits
        self.believed = Self.entries(limits)
        self.refused = Self.entries(limits)
    }

    private static func entries(_ limits: Limits) -> RecentEntries<Key, Entry> {
        RecentEntries(weightMax: limits.entriesMax) { entry in
            switch entry.verdict {
            case .believed(let identity, _): 1 + identity.claims.namespaces.count
            case .refused: 1
            }
        }
    }

    /// Tokens that are remembered.
    package var count: Int { self.believed.count + self.refused.count }

    /// What is remembered of a token, if it still counts.
    package mutating func verdict(on key: Key, now: Timestamp) -> Verdict? {
        guard let entry = self.believed[key] ?? self.refused[key] else { return nil }
        if entry.endsAt > now { return entry.verdict }
        self.believed[key] = nil
        self.refused[key] = nil
        return nil
    }

    package mutating func lookUp(_ key: Key, now: Timestamp) -> Lookup {
        if let verdict = self.verdict(on: key, now: now) { return .known(verdict) }
        guard self.asking[key] == nil else { return .wait }
        guard self.asking.count < self.limits.askingMax else { return .refuse }
        self.asking[key] = self.generation
        return .ask
    }

    /// Takes an answer in; none if nobody could be asked.
    package mutating func answered(_ key: Key, _ verdict: Verdict?, askedAt: Timestamp) {
        guard let generation = self.asking.removeValue(forKey: key) else {
            invariantFailure("an answer to what nobody asked")
        }
        guard generation == self.generation, let verdict else { return }
        let oldest = askedAt + self.limits.ageMax
        switch verdict {
        case .believed(_, let until):
            self.believed[key] = Entry(verdict: verdict, endsAt: min(oldest, until))
        // This will change by itself.
        case .refused(.notYetValid): return
        case .refused: self.refused[key] = Entry(verdict: verdict, endsAt: oldest)
        }
    }

    /// Forgets every answer, those to open questions included.
    package mutating func forgetAll() {
        self.generation += 1
        self.believed = Self.entries(self.limits)
        self.refused = Self.entries(self.limits)
    }
}
