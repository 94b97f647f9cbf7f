import StaticConfiguration
import Testing

private let sqlite = """
    persistence:
      defaultStore: main
      visibilityStore: seen
      numHistoryShards: 8
      datastores:
        main:
          sql:
            pluginName: sqlite
            databaseName: /data/temporal.db
            connectAttributes:
              mode: rwc
              setup: true
        seen:
          sql:
            pluginName: sqlite
            databaseName: /data/temporal.db

    """

@Suite struct ServerConfigurationTests {
    static func parse(_ text: String) throws(ConfigurationError) -> ServerConfiguration {
        try ServerConfiguration(texts: [("a.yaml", text)])
    }

    static func problems(_ text: String) -> [String] {
        do throws(ConfigurationError) {
            _ = try Self.parse(text)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("A usual configuration is read")
    func usualConfiguration() throws {
        let configuration = try Self.parse(
            sqlite + """
                log:
                  stdout: true
                  level: warn
                  format: json
                global:
                  membership:
                    maxJoinDuration: 30s
                    broadcastAddress: "127.0.0.1"
                services:
                  frontend:
                    rpc:
                      grpcPort: 17233
                      membershipPort: 6933
                      bindOnLocalHost: true
                  history:
                    rpc:
                      grpcPort: 17234
                      bindOnIP: 10.0.0.1
                clusterMetadata:
                  enableGlobalNamespace: false
                  failoverVersionIncrement: 10
                  masterClusterName: "here"
                  currentClusterName: "here"
                  clusterInformation:
                    here:
                      enabled: true
                      initialFailoverVersion: 1
                      rpcAddress: "127.0.0.1:7233"
                dcRedirectionPolicy:
                  policy: noop
                archival:
                  history:
                    state: disabled
                  visibility:
                    state: disabled
                namespaceDefaults:
                  archival:
                    history:
                      state: disabled
                      URI: "file:///tmp"
                publicClient:
                  hostPort: "127.0.0.1:7233"
                dynamicConfigClient:
                  filepath: "/etc/dynamic.yaml"
                  pollInterval: 10s
                """)
        var expected = ServerConfiguration()
        expected.log.level = .warn
        expected.log.format = .json
        expected.log.destination = .standardOutput
        expected.database = .file("/data/temporal.db")
        expected.shardCount = 8
        expected.rpc = [
            .frontend: .init(ip: "127.0.0.1", port: 17233),
            .history: .init(ip: "10.0.0.1", port: 17234),
        ]
        expected.clusterName = "here"
        expected.dynamicConfigFile = "/etc/dynamic.yaml"
        #expect(configuration == expected)
    }

    @Test("A database in memory needs no name")
    func ephemeral() throws {
        let configuration = try Self.parse(
            """
            persistence:
              defaultStore: main
              datastores:
                main: {sql: {pluginName: sqlite, connectAttributes: {mode: memory, cache: shared}}}
            """)
        #expect(configuration.database == .ephemeral)
        #expect(configuration.shardCount == 4)
    }

    @Test("Later files are laid on top of earlier ones, key by key")
    func merge() throws {
        let configuration = try ServerConfiguration(texts: [
            ("base.yaml", sqlite + "log:\n  level: debug\n  format: json\n"),
            ("env.yaml", "log:\n  level: error\npersistence:\n  numHistoryShards: 16\n"),
        ])
        #expect(configuration.log.level == .error)
        #expect(configuration.log.format == .json)
        #expect(configuration.shardCount == 16)
    }

    @Test("Certificates are read anew at an interval, or not at all")
    func certificateRefresh() throws {
        for (text, expected) in [("1m", .seconds(60)), ("0s", nil)] as [(String, Duration?)] {
            let configuration = try Self.parse(
                sqlite + "global:\n  tls:\n    refreshInterval: \(text)\n")
            #expect(configuration.tlsRefreshInterval == expected)
            #expect(configuration.warnings == [])
        }
    }

    static let refusals: [(text: String, problems: [String])] = [
        ("log:\n  level: info\n  colour: red\n", ["a.yaml:19: unknown key log.colour"]),
        (
            "log:\n  level: chatty\n",
            ["a.yaml:18: log.level takes one of debug, info, warn, error, dpanic, panic, fatal"]
        ),
        (
            "services:\n  frontend:\n    rpc:\n      grpcPort: many\n",
            ["a.yaml:20: services.frontend.rpc.grpcPort takes a whole number from 0 to 65535"]
        ),
        (
            "services:\n  frontend:\n    rpc:\n      grpcPort: \"7233\"\n",
            ["a.yaml:20: services.frontend.rpc.grpcPort takes a whole number from 0 to 65535"]
        ),
        ("services: 7\n", ["a.yaml:17: services takes a mapping of keys to values"]),
        ("services:\n  sidecar: {}\n", ["a.yaml:18: unknown key services.sidecar"]),
        (
            "global:\n  tls:\n    frontend:\n      server: {certFile: a.pem}\n",
            ["a.yaml:20: global.tls.frontend.server.keyFile is missing"]
        ),
        (
            "global:\n  metrics:\n    prometheus: {listenAddress: \"0.0.0.0:9090\"}\n",
            ["a.yaml:19: global.metrics is not supported yet"]
        ),
        (
            "clusterMetadata:\n  enableGlobalNamespace: true\n",
            [
                "a.yaml:18: clusterMetadata.enableGlobalNamespace is not supported yet: "
                    + "there is one cluster only"
            ]
        ),
        (
            "dynamicConfigClient:\n  pollInterval: soon\n",
            [
                "a.yaml:18: dynamicConfigClient.pollInterval takes a duration like 10s, 500ms or 1h30m"
            ]
        ),
        (
            "archival:\n  history:\n    state: enabled\n",
            ["a.yaml:19: archival.history.state takes one of disabled"]
        ),
    ]

    @Test(
        "A wrong key or value is named with file and line",
        arguments: Self.refusals)
    func wrongKeysAreNamed(text: String, problems: [String]) {
        #expect(Self.problems(sqlite + text) == problems)
    }

    static let databases: [(text: String, problems: [String])] = [
        ("log: {}\n", ["a.yaml:1: there is no persistence section"]),
        (
            "persistence:\n  datastores: {}\n",
            ["a.yaml:2: persistence.defaultStore is missing"]
        ),
        (
            "persistence:\n  defaultStore: main\n",
            [
                "a.yaml:2: persistence.defaultStore names main, "
                    + "which is not one of persistence.datastores"
            ]
        ),
        (
            """
            persistence:
              defaultStore: main
              datastores:
                main:
                  sql:
                    pluginName: mysql8
                    databaseName: temporal
            """,
            [
                "a.yaml:6: persistence.datastores.main.sql.pluginName: "
                    + "mysql8 is not built yet; use sqlite or postgres12"
            ]
        ),
        (
            """
            persistence:
              defaultStore: main
              visibilityStore: seen
              datastores:
                main: {sql: {pluginName: sqlite, databaseName: a}}
                seen: {sql: {pluginName: sqlite, databaseName: b}}
            """,
            [
                "a.yaml:2: persistence.visibilityStore must be the same database as "
                    + "persistence.defaultStore: a workflow and its visibility record "
                    + "are written together"
            ]
        ),
    ]

    @Test(
        "A database that cannot be used is refused", arguments: Self.databases)
    func databasesAreRefused(text: String, problems: [String]) {
        #expect(Self.problems(text) == problems)
    }

    @Test("All problems are reported at once")
    func allAtOnce() {
        let text = sqlite + "log:\n  level: 7\n  x: 1\nnonsense: true\n"
        #expect(Self.problems(text).count == 3)
    }

    @Test("What is not YAML is named with its line")
    func notYAML() throws {
        let problem = try #require(Self.problems("log:\n  level: [info\nservices: {}\n").first)
        #expect(problem.hasPrefix("a.yaml:"))
        #expect(problem.contains("not YAML"))
        let duplicate = try #require(Self.problems("log: {}\nlog: {}\n").first)
        #expect(duplicate.contains("duplicate key: log"))
        #expect(Self.problems("# enable-template\nlog: {}\n").first?.hasPrefix("a.yaml:1:") == true)
    }

    @Test("What has no effect is warned about")
    func warnings() throws {
        let text = sqlite + "services:\n  frontend:\n    rpc:\n      httpPort: 7243\n"
        #expect(
            try Self.parse(text).warnings.map(\.description) == [
                "a.yaml:20: services.frontend.rpc.httpPort has no effect: "
                    + "the HTTP API is not built yet"
            ])
    }

    @Test("Options come before environment variables, and these before defaults")
    func precedence() {
        func files(config: String?, _ variables: [String: String]) -> ConfigurationFiles {
            ConfigurationFiles(
                root: nil, config: config, environment: nil, zone: nil, file: nil,
                variables: variables)
        }
        let variables = ["TEMPORAL_CONFIG_DIR": "b"]
        #expect(files(config: "a", variables) == files(config: "a", [:]))
        #expect(files(config: nil, variables) == files(config: "b", [:]))
        #expect(files(config: nil, [:]) == files(config: "config", [:]))
    }

    @Test("A missing file is named")
    func missingFile() {
        let files = ConfigurationFiles(
            root: nil, config: nil, environment: nil, zone: nil, file: "/no/such.yaml",
            variables: [:])
        let problem = ConfigurationProblem(
            file: "/no/such.yaml", line: nil, message: "cannot be read: No such file or directory")
        #expect(throws: ConfigurationError([problem])) { try files.load() }
    }
}
