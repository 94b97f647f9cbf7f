import GRPCCore
import GRPCNIOTransportHTTP2

/// What a listener allows its callers, as Temporal's frontend does.
package struct TransportLimits: Sendable, Equatable {
    /// Bytes of one request message, uncompressed.
    package var requestSizeMax = 4 * 1_024 * 1_024
    /// Calls of one connection at a time.
    package var callsPerConnectionMax = 10_000
    /// Pings may not come more often than this.
    package var clientPingIntervalMin = Duration.seconds(10)
    /// A connection without calls is closed after this time; nil for never.
    package var connectionIdleMax: Duration? = .seconds(120)
    /// A connection takes no new calls after this time, so that clients reconnect; nil for never.
    package var connectionAgeMax: Duration? = .seconds(300)
    /// How long the calls of a connection that is too old may take to end; nil for any time.
    package var connectionAgeGrace: Duration? = .seconds(70)
    package var serverPingInterval = Duration.seconds(60)
    package var serverPingTimeout = Duration.seconds(10)

    package init() {}

    typealias Wire = HTTP2ServerTransport.Config

    var connection: Wire.Connection {
        Wire.Connection(
            maxAge: self.connectionAgeMax, maxGraceTime: self.connectionAgeGrace,
            maxIdleTime: self.connectionIdleMax,
            keepalive: Wire.Keepalive(
                time: self.serverPingInterval, timeout: self.serverPingTimeout,
                clientBehavior: Wire.ClientKeepaliveBehavior(
                    minPingIntervalWithoutCalls: self.clientPingIntervalMin,
                    allowWithoutCalls: true)))
    }

    var http2: Wire.HTTP2 {
        Wire.HTTP2(
            maxFrameSize: 1 << 14, targetWindowSize: 1 << 20,
            maxConcurrentStreams: self.callsPerConnectionMax)
    }

    var rpc: Wire.RPC { Wire.RPC(maxRequestPayloadSize: self.requestSizeMax) }

    /// SDKs compress what they send.
    var compression: Wire.Compression { Wire.Compression(enabledAlgorithms: [.gzip, .deflate]) }
}
