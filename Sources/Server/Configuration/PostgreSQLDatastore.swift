/// A PostgreSQL database, as `persistence.datastores.<name>.sql` describes it.
package struct PostgreSQLDatastore: Sendable, Equatable {
    /// libpq's connection parameters by name, without the password.
    package var parameters: [String: String]
    /// Settings of each session, by name.
    package var sessionSettings: [String: String] = [:]
    package var password: Secret?
    package var passwordCommand: PasswordCommand?
    package var connectionsMax = 20
    package var idleConnectionsMax = 20
    package var connectionLifetime: Duration?

    package init(parameters: [String: String]) { self.parameters = parameters }

    /// Prints the password to connect with.
    package struct PasswordCommand: Sendable, Equatable {
        package var command: String
        package var arguments: [String] = []
        package var timeout = Duration.seconds(30)

        package init(command: String) { self.command = command }
    }

    /// Where the database is, for people.
    package var place: String {
        let host = self.parameters["host"] ?? "", port = self.parameters["port"] ?? ""
        return "\(self.parameters["dbname"] ?? "") at \(host):\(port)"
    }
}

/// A text that no log, message or mirror shows.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package let value: String

    package init(_ value: String) { self.value = value }

    package var description: String { "<secret>" }
    package var debugDescription: String { self.description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension PostgreSQLDatastore {
    /// Reads what follows the plugin's name; nil after a problem.
    init?(_ section: SectionReader) {
        var section = section
        self.init(parameters: [:])
        let hasAddress = self.readAddress(&section)
        self.parameters["user"] = section.string("user")
        self.password = section.string("password").flatMap { $0.isEmpty ? nil : Secret($0) }
        if let command = section.section("passwordCommand") { self.readCommand(command) }
        let name = section.string("databaseName") ?? ""
        self.parameters["dbname"] = name
        self.readPool(&section)
        // Temporal connects without TLS unless it is told otherwise.
        self.parameters["sslmode"] = "disable"
        if let tls = section.section("tls") { self.readTLS(tls) }
        if let attributes = section.section("connectAttributes") { self.readAttributes(attributes) }
        section.ignore("taskScanPartitions")
        section.refuse("authPlugin")
        section.finish()
        if self.password != nil, self.passwordCommand != nil {
            section.problem(
                "\(section.path) has both password and passwordCommand; one is enough")
        }
        if name.isEmpty { section.problem("\(section.name("databaseName")) is missing") }
        if name.isEmpty || !hasAddress { return nil }
    }

    /// One address or several, of which the first that answers is used.
    private mutating func readAddress(_ section: inout SectionReader) -> Bool {
        let transport = section.choice(
            "connectProtocol", ["": "tcp", "tcp": "tcp", "unix": "unix"])
        let text = section.string("connectAddr") ?? ""
        guard !text.isEmpty else {
            section.problem("\(section.name("connectAddr")) is missing: host:port")
            return false
        }
        var hosts: [String] = [], ports: [String] = []
        for address in text.split(separator: ",").map(String.init) {
            guard let (host, port) = Self.split(address, isSocket: transport == "unix") else {
                section.problem("\(section.name("connectAddr")) takes host:port")
                return false
            }
            hosts.append(host)
            ports.append(port)
        }
        self.parameters["host"] = hosts.joined(separator: ",")
        self.parameters["port"] = ports.joined(separator: ",")
        return true
    }

    private static func split(
        _ address: String, isSocket: Bool
    ) -> (host: String, port: String)? {
        let portDefault = "5432"
        if isSocket || address.hasPrefix("/") {
            // A directory, or the socket itself: libpq wants the directory and the port.
            guard let end = address.firstRange(of: "/.s.PGSQL.") else {
                return (address, portDefault)
            }
            return (String(address[..<end.lowerBound]), String(address[end.upperBound...]))
        }
        guard let colon = address.lastIndex(of: ":") else { return (address, portDefault) }
        let port = address[address.index(after: colon)...]
        var host = address[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, let number = UInt16(port), number > 0 else { return nil }
        return (String(host), String(number))
    }

    private mutating func readPool(_ section: inout SectionReader) {
        let most = section.int("maxConns", 0...10_000) ?? 0
        let idle = section.int("maxIdleConns", 0...10_000)
        // Temporal takes 0 for "no limit", which this server does not have.
        if most > 0 { self.connectionsMax = most }
        self.idleConnectionsMax = min(idle ?? self.connectionsMax, self.connectionsMax)
        if (1..<3).contains(most) {
            section.problem(
                "\(section.name("maxConns")) takes at least 3: one each for commits, for lists "
                    + "and for all else")
        }
        if let lifetime = section.duration("maxConnLifetime")?.value, lifetime > .zero {
            self.connectionLifetime = lifetime
        }
    }

    private mutating func readCommand(_ section: SectionReader) {
        var section = section
        var command = PasswordCommand(command: section.string("command") ?? "")
        if command.command.isEmpty {
            section.problem("\(section.name("command")) is missing")
        }
        command.arguments = section.strings("args") ?? []
        if let timeout = section.duration("timeout")?.value { command.timeout = timeout }
        section.finish()
        self.passwordCommand = command
    }

    private mutating func readTLS(_ section: SectionReader) {
        var section = section
        let isEnabled = section.bool("enabled")?.value ?? false
        let verifiesHost = section.bool("enableHostVerification")?.value ?? false
        let authority = section.string("caFile") ?? ""
        let serverName = section.string("serverName") ?? ""
        let certificate = section.string("certFile") ?? "", key = section.string("keyFile") ?? ""
        section.refuse("caData", "certData", "keyData", because: "is not supported: name a file")
        section.finish()
        guard isEnabled else { return }
        self.parameters["sslmode"] =
            verifiesHost ? "verify-full" : authority.isEmpty ? "require" : "verify-ca"
        if !authority.isEmpty {
            self.parameters["sslrootcert"] = authority
        } else if verifiesHost {
            section.problem(
                "\(section.name("caFile")) is missing: it is what hosts are verified by")
        }
        if certificate.isEmpty != key.isEmpty {
            section.problem("\(section.path) takes certFile and keyFile together")
        }
        if !certificate.isEmpty {
            self.parameters["sslcert"] = certificate
            self.parameters["sslkey"] = key
        }
        self.expect(serverName, section)
    }

    /// libpq verifies the name it connects to; another one can only stand beside an IP address.
    private mutating func expect(_ serverName: String, _ section: SectionReader) {
        guard !serverName.isEmpty, let host = self.parameters["host"], host != serverName else {
            return
        }
        let isAddress = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
        guard isAddress else {
            section.problem(
                "\(section.name("serverName")) can differ from the host of connectAddr only if "
                    + "that is an IP address")
            return
        }
        self.parameters["hostaddr"] = host
        self.parameters["host"] = serverName
    }

    /// libpq's parameters by their names, and settings of the session.
    private mutating func readAttributes(_ section: SectionReader) {
        var section = section
        for (name, value) in section.remainingScalars() {
            switch name {
            case "application_name", "connect_timeout", "sslmode", "sslrootcert", "sslcert",
                "sslkey", "sslcrl", "target_session_attrs", "channel_binding", "gssencmode",
                "options", "passfile", "service", "ssl_min_protocol_version", "keepalives_idle",
                "keepalives_interval", "keepalives_count", "tcp_user_timeout", "requirepeer":
                self.parameters[name] = value
            case "binary_parameters", "disable_prepared_binary_result", "pool_max_conns": break
            case "host", "port", "user", "password", "dbname", "client_encoding":
                section.problem(
                    "\(section.name(name)) has a key of its own beside connectAttributes")
            default: self.sessionSettings[name] = value
            }
        }
        section.finish()
    }
}
