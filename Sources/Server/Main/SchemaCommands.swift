import ArgumentParser
import Bootstrap
import StaticConfiguration

/// `temporal-server schema …`: the tables of the configured database.
struct SchemaCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Look at, or bring up to date, the database's tables.",
        subcommands: [MigrateSchema.self, SchemaStatus.self])
}

/// `temporal-server schema status`.
struct SchemaStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the version of the tables; fails unless it is the one this server needs.")

    @ParentCommand var options: TemporalServer

    @Option(help: "How to show it: text or json.")
    var output = OutputFormat.text

    func run() async throws {
        let schema: DatabaseSchema
        do throws(StartError) {
            schema = try await DatabaseSchema.status(of: try self.options.database())
        } catch {
            throw Process.fail(error)
        }
        switch self.output {
        case .text: print(schema.text)
        case .json:
            print(
                #"{"store":"\#(schema.store)","version":\#(schema.version),"#
                    + #""versionNeeded":\#(schema.versionNeeded),"state":"\#(schema.state.rawValue)"}"#
            )
        }
        if schema.state != .current { throw ExitCode.failure }
    }
}

/// `temporal-server schema migrate`.
struct MigrateSchema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Make the tables, or bring them to the newest version.")

    @ParentCommand var options: TemporalServer

    @Option(help: "How to show what was done: text or json.")
    var output = OutputFormat.text

    func run() async throws {
        let before: DatabaseSchema
        do throws(StartError) {
            before = try await DatabaseSchema.migrate(try self.options.database())
        } catch {
            throw Process.fail(error)
        }
        switch self.output {
        case .text:
            print(
                before.state == .current
                    ? "The schema has version \(before.version) already."
                    : "The schema went from version \(before.version) to \(before.versionNeeded).")
        case .json:
            print(
                #"{"store":"\#(before.store)","versionBefore":\#(before.version),"#
                    + #""version":\#(before.versionNeeded)}"#)
        }
    }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

extension TemporalServer {
    /// The database of the configuration these options point at.
    fileprivate func database() throws(StartError) -> ServerConfiguration.Database {
        do throws(ConfigurationError) {
            return try self.load().database
        } catch {
            throw StartError(error.description)
        }
    }
}

extension DatabaseSchema {
    fileprivate var text: String {
        switch self.state {
        case .missing: "There are no tables; this server needs version \(self.versionNeeded)."
        case .older:
            "The schema has version \(self.version) and needs \(self.versionNeeded): "
                + "run temporal-server schema migrate."
        case .current: "The schema has version \(self.version), which this server needs."
        case .newer:
            "The schema has version \(self.version), written by a newer server; "
                + "this one knows versions up to \(self.versionNeeded)."
        }
    }
}
