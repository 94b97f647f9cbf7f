extension ServerConfiguration {
    /// Reads a configuration from the merged files.
    /// - Throws: ``ConfigurationError`` with every problem there is.
    init(_ tree: YAMLTree) throws(ConfigurationError) {
        let findings = Findings()
        var root = SectionReader(tree, path: "", findings)
        self.init()
        if let section = root.section("log") { self.log = Log(section) }
        if let section = root.section("persistence") {
            self.readPersistence(section)
        } else {
            root.problem("there is no persistence section")
        }
        if let section = root.section("services") { self.readServices(section) }
        if let section = root.section("auth") { self.oauth = OAuthAuthorization(section) }
        if let section = root.section("global") { self.readGlobal(section) }
        if let section = root.section("clusterMetadata") { self.readCluster(section) }
        if let section = root.section("dynamicConfigClient") { self.readDynamicConfig(section) }
        if let section = root.section("dcRedirectionPolicy") { Self.readRedirection(section) }
        if let section = root.section("archival") { Self.readArchival(section) }
        if let section = root.section("namespaceDefaults") { Self.readNamespaceDefaults(section) }
        // Who calls this server, and how many columns other databases need, change nothing here.
        root.ignore("publicClient", "visibility")
        root.refuse("otel")
        root.finish()
        guard findings.problems.isEmpty else { throw ConfigurationError(findings.problems) }
        self.warnings = findings.warnings
        self.startProblems = findings.startProblems
    }

    private mutating func readServices(_ services: SectionReader) {
        var services = services
        for role in ServiceRole.allCases {
            guard var service = services.section(role.rawValue) else { continue }
            if let rpc = service.section("rpc") { self.rpc[role] = Self.rpc(rpc, role) }
            service.finish()
        }
        services.finish()
    }

    private static func rpc(_ section: SectionReader, _ role: ServiceRole) -> RPC {
        var section = section
        let port = section.int("grpcPort", 0...65_535) ?? role.defaultPort
        _ = section.int("membershipPort", 0...65_535)
        let bindOnLocalHost = section.bool("bindOnLocalHost")
        let bindOnIP = section.string("bindOnIP") ?? ""
        if bindOnLocalHost?.value == true, !bindOnIP.isEmpty {
            section.problem("\(section.path) has both bindOnLocalHost and bindOnIP; one is enough")
        }
        section.warn("httpPort", "has no effect: the HTTP API is not built yet")
        section.ignore("httpAdditionalForwardedHeaders", "clientConnectionConfig")
        section.refuse("keepAliveServerConfig")
        section.finish()
        let ip = bindOnLocalHost?.value == true ? "127.0.0.1" : bindOnIP
        // Whoever reaches the internal frontend may do everything.
        let anywhere = role == .internalFrontend ? "127.0.0.1" : "0.0.0.0"
        return RPC(ip: ip.isEmpty ? anywhere : ip, port: port)
    }

    private mutating func readGlobal(_ section: SectionReader) {
        var section = section
        if var membership = section.section("membership") {
            // There is nobody to meet while all services run in one process.
            _ = membership.duration("maxJoinDuration")
            _ = membership.string("broadcastAddress")
            membership.finish()
        }
        section.warn("pprof", "has no effect: there is no profile endpoint")
        if let tls = section.section("tls") { self.readTLS(tls) }
        if let authorization = section.section("authorization") {
            self.jwt = JWTAuthorization(authorization)
            if self.jwt != nil, self.oauth.isEnabled {
                authorization.problem(
                    "\(authorization.name("authorizer")) default and auth.enabled true are two "
                        + "ways to ask callers who they are; one is enough")
            }
        }
        section.refuse("metrics")
        section.finish()
    }

    private mutating func readCluster(_ section: SectionReader) {
        var section = section
        if let isGlobal = section.bool("enableGlobalNamespace"), isGlobal.value {
            section.problem(
                "\(section.name("enableGlobalNamespace")) is not supported yet: "
                    + "there is one cluster only")
        }
        if let name = section.string("currentClusterName"), !name.isEmpty {
            self.clusterName = name
        }
        section.ignore("failoverVersionIncrement", "masterClusterName", "clusterInformation")
        section.finish()
    }

    private mutating func readDynamicConfig(_ section: SectionReader) {
        var section = section
        if let file = section.string("filepath"), !file.isEmpty { self.dynamicConfigFile = file }
        // The file is read at start; polling it belongs to a later version.
        _ = section.duration("pollInterval")
        section.finish()
    }

    private static func readRedirection(_ section: SectionReader) {
        var section = section
        _ = section.choice("policy", ["": (), "noop": ()])
        section.ignore("toDC")
        section.finish()
    }

    private static func readArchival(_ section: SectionReader) {
        var section = section
        for kind in ["history", "visibility"] {
            guard var part = section.section(kind) else { continue }
            _ = part.choice("state", ["": (), "disabled": ()])
            part.ignore("enableRead", "provider")
            part.finish()
        }
        section.finish()
    }

    private static func readNamespaceDefaults(_ section: SectionReader) {
        var section = section
        if var archival = section.section("archival") {
            for kind in ["history", "visibility"] {
                guard var part = archival.section(kind) else { continue }
                _ = part.choice("state", ["": (), "disabled": ()])
                part.ignore("URI")
                part.finish()
            }
            archival.finish()
        }
        section.finish()
    }
}

extension ServerConfiguration.Log {
    fileprivate init(_ section: SectionReader) {
        self.init()
        var section = section
        if let level = section.choice(
            "level",
            [
                "": Level.info, "debug": .debug, "info": .info, "warn": .warn, "error": .error,
                "dpanic": .fatal, "panic": .fatal, "fatal": .fatal,
            ])
        {
            self.level = level
        }
        let format = section.choice(
            "format", ["": Format.text, "json": .json, "console": .text, "text": .text])
        self.format = format ?? .text
        let toStandardOutput = section.bool("stdout")?.value ?? false
        if let file = section.string("outputFile"), !file.isEmpty {
            self.destination = .file(file)
        } else {
            self.destination = toStandardOutput ? .standardOutput : .standardError
        }
        section.ignore("development")
        section.finish()
    }
}
