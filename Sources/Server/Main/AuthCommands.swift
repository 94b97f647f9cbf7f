import ArgumentParser
import AuthorizationService
import Bootstrap
import FoundationEssentials
import StaticConfiguration

/// `temporal-server auth …`: who may do what, in OpenFGA.
struct AuthCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "auth",
        abstract: "Manage in OpenFGA who may do what; the server need not run.",
        subcommands: [ModelCommands.self, RuleCommands.self, AdminCommands.self])
}

/// `temporal-server auth model …`.
struct ModelCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Prepare a store for rules.",
        subcommands: [WriteModel.self])
}

/// `temporal-server auth model write`.
struct WriteModel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write",
        abstract: "Write the model rules follow, and make the store if there is none.")

    @ParentCommand var options: TemporalServer

    @Option(help: "The store to use or make where auth.ofga.storeID is empty.")
    var storeName = "temporal"

    @Option(help: "How to show it: text or json.")
    var output = OutputFormat.text

    private struct Shown: Encodable {
        let storeID: String
        let authModelID: String
        let written: Bool
    }

    func run() async throws {
        let storeName = self.storeName
        let model = try await self.options.rules(need: []) { (book) throws(RuleBookError) in
            try await book.writeModel(storeName: storeName)
        }
        self.output.show(
            Shown(storeID: model.storeID, authModelID: model.modelID, written: model.isNew),
            text: """
                store \(model.storeID)
                model \(model.modelID) (\(model.isNew ? "written" : "was there"))
                """)
    }
}

/// `temporal-server auth admins …`.
struct AdminCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admins", abstract: "Look at who may do everything.",
        subcommands: [ListAdmins.self])
}

/// `temporal-server auth admins list`.
struct ListAdmins: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the members of the groups in auth.adminGroups.")

    @ParentCommand var options: TemporalServer

    @Option(help: "How to show it: text or json.")
    var output = OutputFormat.text

    private struct Shown: Encodable {
        struct Admin: Encodable {
            let user: String
            let groups: [String]
        }
        let admins: [Admin]
    }

    func run() async throws {
        let groups = try self.options.oauth().adminGroupNames
        let rules = try await self.options.rules(need: [.store]) {
            (book) throws(RuleBookError) -> [Rule] in
            var rules: [Rule] = []
            for group in groups { rules += try await book.rules(RuleFilter(group: group)) }
            return rules
        }
        var groupsOfUser: [String: Set<String>] = [:]
        for case .member(let user, let group) in rules {
            groupsOfUser[user, default: []].insert(group)
        }
        let admins = groupsOfUser.sorted { $0.key < $1.key }.map {
            Shown.Admin(user: $0.key, groups: $0.value.sorted())
        }
        self.output.show(
            Shown(admins: admins),
            text: admins.map { "\($0.user)  \($0.groups.joined(separator: ", "))" }
                .joined(separator: "\n"))
    }
}

/// What of OpenFGA a command cannot do without.
enum RuleStorePart {
    case store, model
}

extension TemporalServer {
    /// The section `auth` of the configuration these options point at.
    fileprivate func oauth() throws -> OAuthAuthorization {
        do throws(ConfigurationError) {
            return try self.load().oauth
        } catch {
            throw Process.fail(error)
        }
    }

    /// Lets `body` work on the rules of the configured OpenFGA, which must have these parts.
    func rules<Result: Sendable>(
        need parts: [RuleStorePart], _ body: (RuleBook) async throws(RuleBookError) -> Result
    ) async throws -> Result {
        let oauth = try self.oauth()
        if oauth.openFGA.url.isEmpty {
            throw Process.fail("auth.ofga is missing in the configuration: where OpenFGA is")
        }
        for part in parts {
            let (key, value) =
                switch part {
                case .store: ("storeID", oauth.openFGA.storeID)
                case .model: ("authModelID", oauth.openFGA.modelID)
                }
            guard value.isEmpty else { continue }
            throw Process.fail(
                "auth.ofga.\(key) is missing in the configuration: "
                    + "temporal-server auth model write tells it")
        }
        do throws(RuleBookError) {
            return try await oauth.managingRules(body)
        } catch {
            throw Process.fail(error)
        }
    }
}

extension OutputFormat {
    /// Prints a result, as one JSON object or as text for people.
    func show(_ value: some Encodable, text: String) {
        switch self {
        case .text: if !text.isEmpty { print(text) }
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            // Texts, lists and truths can always be written.
            if let data = try? encoder.encode(value) {
                print(String(decoding: data, as: UTF8.self))
            }
        }
    }
}
