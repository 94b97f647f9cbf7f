/// A service this process can run.
package enum ServiceRole: String, CaseIterable, Sendable, Hashable, Comparable {
    case frontend
    case internalFrontend = "internal-frontend"
    case history
    case matching
    case worker

    package static func < (left: Self, right: Self) -> Bool { left.order < right.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// As Temporal's image has them.
    package var defaultPort: Int {
        switch self {
        case .frontend: 7233
        case .history: 7234
        case .matching: 7235
        case .internalFrontend: 7236
        case .worker: 7239
        }
    }
}

/// What the static configuration says: Temporal's YAML, as far as this server knows it.
package struct ServerConfiguration: Sendable, Equatable {
    package struct Log: Sendable, Equatable {
        package enum Level: String, Sendable, CaseIterable {
            case trace, debug, info, warn, error, fatal
            /// Nothing at all.
            case never
        }

        package enum Format: String, Sendable, CaseIterable {
            case text, json
        }

        package enum Destination: Sendable, Equatable {
            case standardError
            case standardOutput
            case file(String)
        }

        package var level = Level.info
        package var format = Format.text
        package var destination = Destination.standardError

        package init() {}
    }

    package enum Database: Sendable, Equatable {
        /// SQLite in memory: everything is gone when the process ends.
        case ephemeral
        case file(String)
        case postgreSQL(PostgreSQLDatastore)
    }

    /// Where a service listens.
    package struct RPC: Sendable, Equatable {
        package var ip: String
        package var port: Int

        package init(ip: String, port: Int) {
            self.ip = ip
            self.port = port
        }
    }

    package static let shardCountDefault: Int32 = 4
    package static let shardCountMax = 16_384

    package var log = Log()
    package var database = Database.ephemeral
    package var shardCount = Self.shardCountDefault
    package var rpc: [ServiceRole: RPC] = [:]
    package var clusterName = "active"
    package var dynamicConfigFile: String?
    /// The section `auth`, enabled or not: commands use it as well.
    package var oauth = OAuthAuthorization()
    package var jwt: JWTAuthorization?
    package var tls: [ServiceRole: ServerTLS] = [:]
    /// How often the files of TLS are read anew; nil if only at start.
    package var tlsRefreshInterval: Duration?
    /// What a server cannot start with, although commands can do their work.
    package var startProblems: [ConfigurationProblem] = []
    /// What has no effect although it is written; to be logged.
    package var warnings: [ConfigurationProblem] = []

    package init() {}

    /// How callers are asked who they are; nil if they are not.
    package var authorization: CallerAuthorization? {
        self.oauth.isEnabled ? .oauth(self.oauth) : self.jwt.map { .jwt($0) }
    }

    /// Throws what a server cannot start with.
    package func checkStart() throws(ConfigurationError) {
        guard self.startProblems.isEmpty else { throw ConfigurationError(self.startProblems) }
    }
}
