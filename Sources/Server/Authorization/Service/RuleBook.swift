import Logging
import Primitives
import ServiceClients

/// One thing that is so.
package enum Rule: Hashable, Sendable {
    case member(user: String, group: String)
    case role(NamespaceRole, group: String, namespace: String)
    /// Follows from others, and cannot be written.
    case personalRole(NamespaceRole, user: String, namespace: String)

    /// Whether a name can stand in a rule, and there for itself alone.
    package static func isName(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count) && text != "*"
            && text.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7f && $0 != ":" && $0 != "#"
                    && !$0.properties.isWhitespace
            }
    }

    var key: TupleKey {
        switch self {
        case .member(let user, let group):
            TupleKey(
                user: RuleName.user(user), relation: "member", object: RuleName.group(group))
        case .role(let role, let group, let namespace):
            TupleKey(
                user: RuleName.members(of: group), relation: role.rawValue,
                object: RuleName.namespace(namespace))
        case .personalRole(let role, let user, let namespace):
            TupleKey(
                user: RuleName.user(user), relation: role.rawValue,
                object: RuleName.namespace(namespace))
        }
    }

    /// Nil for a tuple of another kind.
    init?(_ key: TupleKey) {
        if let user = RuleName.user(of: key.user), let group = RuleName.group(of: key.object),
            key.relation == "member"
        {
            self = .member(user: user, group: group)
        } else if let group = RuleName.group(ofMembers: key.user),
            let namespace = RuleName.namespace(of: key.object),
            let role = NamespaceRole(rawValue: key.relation)
        {
            self = .role(role, group: group, namespace: namespace)
        } else {
            return nil
        }
    }
}

/// Which rules somebody wants to see; what is nil does not matter.
package struct RuleFilter: Equatable, Sendable {
    package var user: String?
    package var group: String?
    package var namespace: String?

    package init(user: String? = nil, group: String? = nil, namespace: String? = nil) {
        self.user = user
        self.group = group
        self.namespace = namespace
    }

    func includes(_ rule: Rule) -> Bool {
        switch rule {
        case .member(let user, let group):
            self.namespace == nil && user == self.user ?? user && group == self.group ?? group
        case .role(_, let group, let namespace):
            self.user == nil && group == self.group ?? group
                && namespace == self.namespace ?? namespace
        case .personalRole: false
        }
    }
}

/// Why something was not done to the rules; for the person who wanted it.
package struct RuleBookError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// The rules in OpenFGA, for those who manage them.
package struct RuleBook: Sendable {
    let client: OpenFGAClient
    private let clock: any TimeSource
    private let timeout: Duration

    package init(
        _ address: OpenFGAAddress, exchange: any HTTPExchange, clock: any TimeSource,
        random: any RandomSource, timeout: Duration
    ) {
        self.client = OpenFGAClient(
            address: address,
            service: OutsideService(
                name: "OpenFGA", exchange: exchange, clock: clock, random: random,
                logger: Logger(label: "rules") { _ in SwiftLogNoOpLogHandler() }))
        self.clock = clock
        self.timeout = timeout
    }

    /// For one request that begins now.
    var deadline: Timestamp { self.clock.now() + self.timeout }

    /// Does something with OpenFGA, whose failures name it.
    func asking<Result>(
        _ body: () async throws(OutsideFailure) -> Result
    ) async throws(RuleBookError) -> Result {
        do throws(OutsideFailure) {
            return try await body()
        } catch {
            var words = error.summary
            if case .refused(_, let reason) = error, !reason.isEmpty { words += ", \(reason)" }
            throw RuleBookError("OpenFGA at \(self.client.address.url): \(words)")
        }
    }

    /// Makes it so; false if it was so already.
    package func add(_ rule: Rule) async throws(RuleBookError) -> Bool {
        try await self.change(rule, isWanted: true)
    }

    /// Makes it not so; false if it was not so already.
    package func remove(_ rule: Rule) async throws(RuleBookError) -> Bool {
        try await self.change(rule, isWanted: false)
    }

    private struct Changes: Encodable { let tuple_keys: [TupleKey] }

    private struct WriteRequest: Encodable {
        var writes: Changes?
        var deletes: Changes?
        let authorization_model_id: String
    }

    private struct Done: Decodable {}

    private func change(_ rule: Rule, isWanted: Bool) async throws(RuleBookError) -> Bool {
        let key = rule.key
        return try await self.asking { () async throws(OutsideFailure) -> Bool in
            let filter = TupleFilter(user: key.user, relation: key.relation, object: key.object)
            let isSo = try await !self.client.read(filter, by: self.deadline).isEmpty
            guard isSo != isWanted else { return false }
            let changes = Changes(tuple_keys: [key])
            let _: Done = try await self.client.post(
                "/stores/\(self.client.address.storeID)/write",
                WriteRequest(
                    writes: isWanted ? changes : nil, deletes: isWanted ? nil : changes,
                    authorization_model_id: self.client.address.modelID),
                isRead: false, by: self.deadline)
            return true
        }
    }

    /// Whether it is so, by what is implied too.
    package func holds(_ rule: Rule) async throws(RuleBookError) -> Bool {
        try await self.asking { () async throws(OutsideFailure) -> Bool in
            try await self.client.check(rule.key, by: self.deadline)
        }
    }

    /// The rules a filter names, in no particular order.
    package func rules(_ filter: RuleFilter) async throws(RuleBookError) -> [Rule] {
        var found: [Rule] = []
        for filter in Self.reads(for: filter) {
            found += try await self.asking { () async throws(OutsideFailure) -> [Rule] in
                try await self.client.read(filter, by: self.deadline).compactMap(Rule.init)
            }
        }
        return found.filter(filter.includes)
    }

    /// What to read for a filter: as little as OpenFGA can tell apart, which takes a user wherever
    /// the object is a type alone.
    private static func reads(for filter: RuleFilter) -> [TupleFilter?] {
        var reads: [TupleFilter?] = []
        if filter.namespace == nil, filter.user != nil || filter.group != nil {
            reads.append(
                TupleFilter(
                    user: filter.user.map(RuleName.user), relation: "member",
                    object: RuleName.group(filter.group ?? "")))
        }
        if filter.user == nil, filter.group != nil || filter.namespace != nil {
            reads.append(
                TupleFilter(
                    user: filter.group.map(RuleName.members),
                    object: RuleName.namespace(filter.namespace ?? "")))
        }
        return reads.isEmpty && filter == RuleFilter() ? [nil] : reads
    }
}
