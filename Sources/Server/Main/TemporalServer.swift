import ArgumentParser
import Bootstrap
import StaticConfiguration

/// `temporal-server`: the whole server in one program.
@main
struct TemporalServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "temporal-server",
        abstract: "A workflow server that speaks Temporal's protocol.",
        version: serverVersion,
        subcommands: [
            Start.self, Server.self, SchemaCommands.self, ValidateConfig.self,
            ValidateDynamicConfig.self, AuthCommands.self,
        ])

    @Option(
        name: [.short, .long],
        help: "Directory that --config is relative to. [env: TEMPORAL_ROOT] (default: .)")
    var root: String?

    @Option(
        name: [.short, .long],
        help: "Directory of the configuration files. [env: TEMPORAL_CONFIG_DIR] (default: config)")
    var config: String?

    @Option(
        name: [.short, .long],
        help:
            "Read base.yaml and then <env>.yaml. [env: TEMPORAL_ENVIRONMENT] (default: development)"
    )
    var env: String?

    @Option(
        name: [.customLong("zone"), .customLong("az"), .customShort("z")],
        help: "Read <env>_<zone>.yaml last. [env: TEMPORAL_AVAILABILITY_ZONE]")
    var zone: String?

    @Option(
        help: "Read this configuration file only. [env: TEMPORAL_SERVER_CONFIG_FILE_PATH]")
    var configFile: String?

    @Flag(help: "Accept without a warning that nobody is asked who they are.")
    var allowNoAuth = false

    /// The configuration these options and the environment point at.
    func load() throws(ConfigurationError) -> ServerConfiguration {
        try ConfigurationFiles(
            root: self.root, config: self.config, environment: self.env, zone: self.zone,
            file: self.configFile, variables: Process.environment
        ).load()
    }
}

/// `temporal-server server …`, the way the `temporal` command spells it.
struct Server: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a server as the temporal command does.", subcommands: [StartDev.self])
}
