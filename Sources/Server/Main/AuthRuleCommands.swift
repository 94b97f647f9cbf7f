import ArgumentParser
import AuthorizationService

/// `temporal-server auth rule …`.
struct RuleCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rule",
        abstract: "Say who is in which group, and what a group may do in a namespace.",
        subcommands: [
            ChangeRule<RuleAddition>.self, ChangeRule<RuleRemoval>.self, CheckRule.self,
            ListRules.self,
        ])
}

/// What names a rule on the command line.
struct RuleArguments: ParsableArguments {
    @Option(help: "An e-mail address.")
    var user: String?

    @Option(help: "A group.")
    var group: String?

    @Option(help: "A namespace.")
    var namespace: String?

    @Option(help: "What the group may do there: reader, writer or admin.")
    var role: NamespaceRole?

    func validate() throws {
        for (option, name) in [
            ("user", self.user), ("group", self.group), ("namespace", self.namespace),
        ] {
            guard let name, !Rule.isName(name) else { continue }
            throw ValidationError(
                "--\(option) takes a name without spaces, ':' and '#', which is not '*'")
        }
    }

    /// What can be written.
    func rule() throws -> Rule {
        switch (self.user, self.group, self.namespace, self.role) {
        case (let user?, let group?, nil, nil): return .member(user: user, group: group)
        case (nil, let group?, let namespace?, let role?):
            return .role(role, group: group, namespace: namespace)
        default:
            throw ValidationError(
                "takes --user and --group, or --group, --namespace and --role")
        }
    }

    /// What can be asked.
    func question() throws -> Rule {
        if let user = self.user, let namespace = self.namespace, let role = self.role,
            self.group == nil
        {
            return .personalRole(role, user: user, namespace: namespace)
        }
        do {
            return try self.rule()
        } catch {
            throw ValidationError("\(error), or --user, --namespace and --role")
        }
    }
}

extension NamespaceRole: ExpressibleByArgument {}

/// A rule as it is shown in JSON.
private struct ShownRule: Encodable {
    var user: String?
    var group: String?
    var namespace: String?
    var role: String?

    init(_ rule: Rule) {
        switch rule {
        case .member(let user, let group):
            self.user = user
            self.group = group
        case .role(let role, let group, let namespace):
            self.group = group
            self.namespace = namespace
            self.role = role.rawValue
        case .personalRole(let role, let user, let namespace):
            self.user = user
            self.namespace = namespace
            self.role = role.rawValue
        }
    }

    /// Groups together; within one, what it may do and then who is in it.
    var sortKey: [String] {
        [
            self.group ?? "", self.namespace.map { "0" + $0 } ?? "1", self.role ?? "",
            self.user ?? "",
        ]
    }
}

extension Rule {
    fileprivate var words: String {
        switch self {
        case .member(let user, let group): "\(user) is a member of \(group)"
        case .role(let role, let group, let namespace):
            "\(group) is \(role.rawValue) of \(namespace)"
        case .personalRole(let role, let user, let namespace):
            "\(user) is \(role.rawValue) of \(namespace)"
        }
    }
}

private struct ShownChange: Encodable {
    let rule: ShownRule
    let changed: Bool
}

/// What a command does to a rule, and how it says so.
protocol RuleChange {
    static var configuration: CommandConfiguration { get }
    static var done: String { get }
    static var wasDone: String { get }

    /// - Returns: false if it was so already.
    static func make(_ rule: Rule, in book: RuleBook) async throws(RuleBookError) -> Bool
}

enum RuleAddition: RuleChange {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Put somebody into a group, or give a group a role.")
    static let done = "added", wasDone = "was so already"

    static func make(_ rule: Rule, in book: RuleBook) async throws(RuleBookError) -> Bool {
        try await book.add(rule)
    }
}

enum RuleRemoval: RuleChange {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Take somebody out of a group, or a role from a group.")
    static let done = "removed", wasDone = "was not so"

    static func make(_ rule: Rule, in book: RuleBook) async throws(RuleBookError) -> Bool {
        try await book.remove(rule)
    }
}

/// `temporal-server auth rule add` and `temporal-server auth rule remove`.
struct ChangeRule<Change: RuleChange>: AsyncParsableCommand {
    static var configuration: CommandConfiguration { Change.configuration }

    @ParentCommand var options: TemporalServer
    @OptionGroup var arguments: RuleArguments

    @Option(help: "How to show what was done: text or json.")
    var output = OutputFormat.text

    func validate() throws { _ = try self.arguments.rule() }

    func run() async throws {
        let rule = try self.arguments.rule()
        let hasChanged = try await self.options.rules(need: [.store, .model]) {
            (book) throws(RuleBookError) in try await Change.make(rule, in: book)
        }
        self.output.show(
            ShownChange(rule: ShownRule(rule), changed: hasChanged),
            text: "\(hasChanged ? Change.done : Change.wasDone): \(rule.words)")
    }
}

/// `temporal-server auth rule check`.
struct CheckRule: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Ask whether it is so, by what is implied too; ends with 2 if it is not.")

    /// What the process ends with if it is not so.
    private static let notSo = ExitCode(2)

    @ParentCommand var options: TemporalServer
    @OptionGroup var arguments: RuleArguments

    @Option(help: "How to show it: text or json.")
    var output = OutputFormat.text

    private struct Shown: Encodable { let allowed: Bool }

    func validate() throws { _ = try self.arguments.question() }

    func run() async throws {
        let question = try self.arguments.question()
        let isSo = try await self.options.rules(need: [.store, .model]) {
            (book) throws(RuleBookError) in try await book.holds(question)
        }
        self.output.show(
            Shown(allowed: isSo), text: "\(isSo ? "yes" : "no"): \(question.words)")
        if !isSo { throw Self.notSo }
    }
}

/// `temporal-server auth rule list`.
struct ListRules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List who is in which group, and what groups may do.")

    @ParentCommand var options: TemporalServer

    @Option(help: "Only memberships of this person.")
    var user: String?

    @Option(help: "Only rules about this group.")
    var group: String?

    @Option(help: "Only roles in this namespace.")
    var namespace: String?

    @Option(help: "How to show it: text or json.")
    var output = OutputFormat.text

    private struct Shown: Encodable { let rules: [ShownRule] }

    func run() async throws {
        let filter = RuleFilter(user: self.user, group: self.group, namespace: self.namespace)
        let rules = try await self.options.rules(need: [.store]) {
            (book) throws(RuleBookError) in try await book.rules(filter)
        }
        let sorted = rules.map { (rule: $0, shown: ShownRule($0)) }.sorted {
            $0.shown.sortKey.lexicographicallyPrecedes($1.shown.sortKey)
        }
        self.output.show(
            Shown(rules: sorted.map(\.shown)),
            text: sorted.map(\.rule.words).joined(separator: "\n"))
    }
}
