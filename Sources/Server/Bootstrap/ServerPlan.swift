import StaticConfiguration
import DynamicConfig
import GRPCTransport
import Persistence
import Primitives

/// Everything a server process needs to know before it starts.
package struct ServerPlan: Sendable, Equatable {
    /// The ports to listen on; a role without one runs all the same.
    package var listeners: [ServiceRole: ListenAddress] = [:]
    package var database = ServerConfiguration.Database.ephemeral
    /// Whether tables of an older version are brought to the newest one.
    package var migratesSchema = true
    package var shardCount = ServerConfiguration.shardCountDefault
    package var clusterName = "active"
    package var settings = Settings()
    /// How callers of the public frontend are asked who they are; nil if they are not.
    package var authorization: CallerAuthorization?
    package var tls: [ServiceRole: ServerTLS] = [:]
    /// How often the files of TLS are read anew; nil if only at start.
    package var tlsRefreshInterval: Duration?
    /// Namespaces to create if they do not exist.
    package var namespaces: [String] = []
    /// Of namespaces that are created.
    package var retention = Duration.seconds(86_400)
    /// Search attributes these namespaces are to have.
    package var searchAttributes: [String: SearchAttributeType] = [:]
    /// How long a shutdown may take before it is cut short.
    package var shutdownMax = Duration.seconds(10)

    package init() {}

    /// A server as the static configuration describes it.
    package init(_ configuration: ServerConfiguration) {
        self.init()
        self.database = configuration.database
        self.shardCount = configuration.shardCount
        self.clusterName = configuration.clusterName
        self.authorization = configuration.authorization
        self.tls = configuration.tls
        self.tlsRefreshInterval = configuration.tlsRefreshInterval
        for (role, rpc) in configuration.rpc {
            self.listeners[role] = ListenAddress(ip: rpc.ip, port: rpc.port)
        }
        if self.listeners[.frontend] == nil {
            self.listeners[.frontend] = ListenAddress(
                ip: "0.0.0.0", port: ServiceRole.frontend.defaultPort)
        }
    }
}

/// Why a server did not start; one line for the person who started it.
package struct StartError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
