import Bootstrap
import StaticConfiguration
import Testing

@Suite struct PostgreSQLDatastoreTests {
    /// A configuration whose datastore `main` has `lines` besides the plugin's name.
    private static func text(_ lines: String, plugin: String = "postgres12") -> String {
        let indented = lines.split(separator: "\n").map { "        \($0)\n" }.joined()
        return """
            persistence:
              defaultStore: main
              datastores:
                main:
                  sql:
                    pluginName: \(plugin)

            """ + indented
    }

    private static let usual = """
        databaseName: temporal
        connectAddr: "db.example.com:5433"
        connectProtocol: tcp
        user: service
        password: hunter2
        maxConns: 30
        maxIdleConns: 5
        maxConnLifetime: 1h
        """

    private static func read(
        _ lines: String, plugin: String = "postgres12"
    ) throws -> PostgreSQLDatastore {
        let configuration = try ServerConfiguration(
            texts: [("a.yaml", self.text(lines, plugin: plugin))])
        guard case .postgreSQL(let datastore) = configuration.database else {
            throw ConfigurationError([])
        }
        return datastore
    }

    private static func problems(_ lines: String) -> [String] {
        do throws(ConfigurationError) {
            _ = try ServerConfiguration(texts: [("a.yaml", self.text(lines))])
            return []
        } catch {
            return error.problems.map(\.message)
        }
    }

    @Test(
        "Temporal's keys of a PostgreSQL datastore are read",
        arguments: ["postgres12", "postgres12_pgx", "postgres"])
    func usualDatastore(plugin: String) throws {
        var expected = PostgreSQLDatastore(parameters: [
            "host": "db.example.com", "port": "5433", "user": "service", "dbname": "temporal",
            "sslmode": "disable",
        ])
        expected.password = Secret("hunter2")
        expected.connectionsMax = 30
        expected.idleConnectionsMax = 5
        expected.connectionLifetime = .seconds(3_600)
        #expect(try Self.read(Self.usual, plugin: plugin) == expected)
    }

    static let addresses: [(String, host: String, port: String)] = [
        ("connectAddr: a", "a", "5432"),
        ("connectAddr: \"[::1]:7\"", "::1", "7"),
        ("connectAddr: \"a:1,b:2\"", "a,b", "1,2"),
        ("connectAddr: /var/run/postgresql\nconnectProtocol: unix", "/var/run/postgresql", "5432"),
        ("connectAddr: /run/.s.PGSQL.6000\nconnectProtocol: unix", "/run", "6000"),
    ]

    @Test("An address is a host with a port, several, or a socket", arguments: addresses)
    func address(lines: String, host: String, port: String) throws {
        let datastore = try Self.read("databaseName: t\n" + lines)
        #expect(datastore.parameters["host"] == host)
        #expect(datastore.parameters["port"] == port)
    }

    static let modes: [(String, [String: String])] = [
        ("{enabled: false, caFile: a}", ["sslmode": "disable"]),
        ("{enabled: true}", ["sslmode": "require"]),
        ("{enabled: true, caFile: a}", ["sslmode": "verify-ca", "sslrootcert": "a"]),
        (
            "{enabled: true, caFile: a, enableHostVerification: true, certFile: c, keyFile: k}",
            ["sslmode": "verify-full", "sslrootcert": "a", "sslcert": "c", "sslkey": "k"]
        ),
        (
            "{enabled: true, caFile: a, enableHostVerification: true, serverName: db}",
            ["sslmode": "verify-full", "host": "db", "hostaddr": "10.0.0.1"]
        ),
    ]

    @Test("TLS keys become libpq's", arguments: modes)
    func tls(tls: String, expected: [String: String]) throws {
        let datastore = try Self.read(
            "databaseName: t\nconnectAddr: \"10.0.0.1:1\"\ntls: \(tls)")
        for (name, value) in expected { #expect(datastore.parameters[name] == value) }
    }

    @Test("Attributes are libpq's parameters, or settings of the session")
    func attributes() throws {
        let datastore = try Self.read(
            Self.usual
                + "\nconnectAttributes: {application_name: us, search_path: mine, sslmode: prefer}")
        #expect(datastore.parameters["application_name"] == "us")
        #expect(datastore.parameters["sslmode"] == "prefer")
        #expect(datastore.sessionSettings == ["search_path": "mine"])
    }

    static let refusals: [(String, [String])] = [
        (
            "connectAddr: a",
            ["persistence.datastores.main.sql.databaseName is missing"]
        ),
        (
            "databaseName: t",
            ["persistence.datastores.main.sql.connectAddr is missing: host:port"]
        ),
        (
            "databaseName: t\nconnectAddr: \"a:b\"",
            ["persistence.datastores.main.sql.connectAddr takes host:port"]
        ),
        (
            "databaseName: t\nconnectAddr: a\nmaxConns: 2",
            [
                "persistence.datastores.main.sql.maxConns takes at least 3: "
                    + "one each for commits, for lists and for all else"
            ]
        ),
        (
            "databaseName: t\nconnectAddr: a\npassword: a\npasswordCommand: {command: b}",
            [
                "persistence.datastores.main.sql has both password and passwordCommand; "
                    + "one is enough"
            ]
        ),
        (
            "databaseName: t\nconnectAddr: a\ntls: {enabled: true, enableHostVerification: true}",
            [
                "persistence.datastores.main.sql.tls.caFile is missing: "
                    + "it is what hosts are verified by"
            ]
        ),
        (
            "databaseName: t\nconnectAddr: a\ncolour: red",
            ["unknown key persistence.datastores.main.sql.colour"]
        ),
    ]

    @Test("What cannot be done as written is refused", arguments: refusals)
    func refused(lines: String, problems: [String]) {
        #expect(Self.problems(lines) == problems)
    }

    @Test("Another visibility database is accepted, and a warning says that it is not used")
    func visibilityStore() throws {
        let text =
            Self.text(Self.usual) + """
                    seen: {sql: {pluginName: postgres12, databaseName: other, connectAddr: b}}
                  visibilityStore: seen

                """
        let configuration = try ServerConfiguration(texts: [("a.yaml", text)])
        #expect(
            configuration.warnings.map(\.message) == [
                "persistence.visibilityStore is not used: a workflow and its visibility record "
                    + "are written together, to persistence.defaultStore"
            ])
    }

    @Test("A password is shown nowhere")
    func passwordIsHidden() throws {
        let datastore = try Self.read(Self.usual)
        var text = ""
        dump(datastore, to: &text)
        text += "\(datastore) \(String(reflecting: datastore)) \(datastore.place)"
        #expect(!text.contains("hunter2"))
        #expect(datastore.place == "temporal at db.example.com:5433")
    }

    @Test("A password command's first line is the password; its failures say why")
    func passwordCommand() throws {
        let lines = "databaseName: t\nconnectAddr: a\npasswordCommand: {command: sh, args: "
        let datastore = try Self.read(lines + "[\"-c\", \"printf 'one two\\\\nthree'\"]}")
        let command = try #require(datastore.passwordCommand)
        #expect(try PasswordCommandRun.output(of: command) == "one two")
        let failures = [("exit 3", "status 3"), ("true", "nothing"), ("sleep 9", "longer")]
        for (script, reason) in failures {
            var failing = command
            failing.arguments = ["-c", script]
            failing.timeout = .milliseconds(300)
            let error = #expect(throws: (any Error).self) {
                try PasswordCommandRun.output(of: failing)
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains(reason))
        }
    }
}
