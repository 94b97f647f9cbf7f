import Primitives

/// Sees what one life of a node asks outside: no question twice that has been answered.
// Safe because a simulation has one thread.
final class OutsideQuestions: @unchecked Sendable {
    private struct TokenQuestions {
        var openCount = 0
        /// When what is known now was asked for, at the earliest.
        var knownSince: Timestamp?
        var failedAt: Timestamp?
    }

    private let settings: AuthorizationSettings
    private var tokens: [String: TokenQuestions] = [:]
    /// Tokens that were asked about, by whose they are.
    private var tokensOfUser: [String: Set<String>] = [:]
    private var groupsAskedAt: [String: [Timestamp]] = [:]
    /// By endpoint: how many requests are going wrong, and since when nothing was answered well.
    private var openFaults: [OutsideEndpoint: Int] = [:]
    private var troubleSince: [OutsideEndpoint: Timestamp] = [:]
    private var lastFaultAt = Timestamp.epoch
    /// When an endpoint could not be relied on, from its first fault to the next good answer.
    private(set) var troubles: [ClosedRange<Timestamp>] = []

    init(_ settings: AuthorizationSettings) { self.settings = settings }

    /// Whether somebody outside may have been believed not to answer, at some time of `window`.
    func wasTroubled(in window: ClosedRange<Timestamp>) -> Bool {
        self.troubles.contains { $0.overlaps(window) }
            || self.troubleSince.values.contains { $0 <= window.upperBound }
    }

    // Tokens.

    /// - Returns: what is wrong with asking this now; nil if nothing is.
    func askAbout(_ token: AccessToken, now: Timestamp) -> String? {
        var questions = self.tokens[token.text] ?? TokenQuestions()
        let isOpen = questions.openCount > 0
        questions.openCount += 1
        self.tokens[token.text] = questions
        self.tokensOfUser[token.email, default: []].insert(token.text)
        if isOpen { return "a token of \(token.email) is asked about twice at a time" }
        guard let since = questions.knownSince, now < since + self.settings.ageMax,
            !(since < token.expiresAt && token.expiresAt <= now)
        else { return nil }
        return "a token of \(token.email) is asked about that was known since \(since)"
    }

    func answered(_ token: AccessToken, askedAt: Timestamp, isSound: Bool, now: Timestamp) {
        var questions = self.tokens[token.text] ?? TokenQuestions()
        questions.openCount -= 1
        if isSound {
            // It counts from the first attempt, whose end may be the first thing seen of it.
            let isAnotherTry =
                questions.failedAt.map { $0 + self.settings.timeout >= askedAt } ?? false
            questions.knownSince =
                isAnotherTry ? askedAt + (.zero - self.settings.timeout) : askedAt
        } else {
            questions.failedAt = now
        }
        self.tokens[token.text] = questions
    }

    // Groups.

    /// - Returns: what is wrong with asking this now; nil if nothing is.
    func askForGroups(of email: String, now: Timestamp) -> String? {
        let times = (self.groupsAskedAt[email] ?? []) + [now]
        self.groupsAskedAt[email] = times
        // Those of one token are as far apart as its age, but for how long the endpoints take.
        let from = now + (.seconds(1) - self.settings.ageMax)
        let recent = times.count { $0 > from }
        // What was found out after trouble counts no longer than what it was found out by.
        let lately = (now + (.zero - self.settings.ageMax * 2))...now
        guard recent > max(self.tokensOfUser[email]?.count ?? 0, 1),
            !self.wasTroubled(in: lately)
        else { return nil }
        return "the groups of \(email) are asked for \(recent) times within \(self.settings.ageMax)"
    }

    // Faults.

    func faultBegan(_ endpoint: OutsideEndpoint, now: Timestamp) {
        self.openFaults[endpoint, default: 0] += 1
        self.lastFaultAt = now
        if self.troubleSince[endpoint] == nil { self.troubleSince[endpoint] = now }
    }

    func faultEnded(_ endpoint: OutsideEndpoint, now: Timestamp) {
        self.openFaults[endpoint, default: 0] -= 1
        self.lastFaultAt = now
    }

    /// An endpoint would have answered, and the node had no time left for it.
    func ranOut(_ endpoint: OutsideEndpoint, now: Timestamp) {
        guard self.lastFaultAt + self.settings.timeout >= now else { return }
        if self.troubleSince[endpoint] == nil { self.troubleSince[endpoint] = now }
    }

    /// An endpoint has given a good answer, which the node has got.
    func succeeded(_ endpoint: OutsideEndpoint, now: Timestamp) {
        guard self.openFaults[endpoint, default: 0] == 0,
            let since = self.troubleSince.removeValue(forKey: endpoint)
        else { return }
        // Whoever asked for several things at once is told of the fault when all have ended.
        self.troubles.append(since...max(now, self.lastFaultAt + self.settings.timeout))
    }
}
