import GRPCCore
import GRPCNIOTransportHTTP2
import Logging
import Metrics
import NIOCore
import Primitives
import Synchronization

/// Answers gRPC calls on one port.
///
/// Takes the streams of the library's transport and answers them by its own table: every call
/// passes one place that knows its RPC, also those nobody built.
package final class CallServer: Sendable {
    package let address: ListenAddress
    private let transport: HTTP2ServerTransport.Custom<TCPListener>
    private let table: CallTable
    private let logger: Logger
    private let drain = Drain()
    private let pending = Gauge(label: "service_pending_requests")
    private static let done = Status(code: .ok, message: "")
    private let openCalls = Atomic<Int>(0)

    package init(
        socket: ListeningSocket, table: CallTable, limits: TransportLimits = TransportLimits(),
        security: ListenerSecurity? = nil, logger: Logger
    ) {
        self.address = socket.address
        self.table = table
        self.logger = logger
        self.transport = HTTP2ServerTransport.Custom(
            listenerFactory: TCPListener(socket: socket, security: security),
            config: .init(
                compression: limits.compression, connection: limits.connection,
                http2: limits.http2, rpc: limits.rpc,
                channelDebuggingCallbacks: .init(
                    onBindTCPListener: nil,
                    onAcceptTCPConnection: { channel in
                        channel.eventLoop.makeCompletedFuture { try channel.announceEnds() }
                    }
                ) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            CallGuard(requestSizeMax: limits.requestSizeMax), position: .first)
                    }
                }))
    }

    /// Answers calls; returns when a shutdown has begun and every connection has ended.
    ///
    /// Cancelling ends all connections at once.
    package func run() async throws {
        try await self.transport.listen { stream, _ in await self.answer(stream) }
    }

    /// Takes no more connections and calls; those that are open come to their end.
    package func beginShutdown() {
        self.drain.begin()
        self.transport.beginGracefulShutdown()
    }

    /// Ends the calls that are still open, as far as they only wait for something.
    package func endCalls() { self.drain.endCalls() }

    private func answer(_ stream: CallStream) async {
        self.pending.record(self.openCalls.add(1, ordering: .relaxed).newValue)
        defer { self.pending.record(self.openCalls.subtract(1, ordering: .relaxed).newValue) }
        let parts: [RPCResponsePart<WireBytes>]
        do {
            let route = self.table.route(stream.descriptor)
            if let reply = try await route.answer(stream, self.drain) {
                parts = [.metadata([:]), .message(reply), .status(Self.done, [:])]
            } else {
                parts = [.status(Self.done, [:])]
            }
        } catch {
            let status = ServiceErrorStatus(error)
            self.log(status, stream.descriptor)
            let (code, trailers) = status.parts
            parts = [.status(code, trailers)]
        }
        // Fails if the caller has gone, who then does not wait for an answer either.
        try? await stream.outbound.write(contentsOf: parts)
        await stream.outbound.finish()
    }

    /// Never with a payload or a header: what is logged is named here.
    private func log(_ status: ServiceErrorStatus, _ rpc: MethodDescriptor) {
        if let hidden = status.hidden {
            self.logger.error(
                "call failed",
                metadata: [
                    "operation": "\(rpc.method)", "answer": "\(status.message)",
                    "error": "\(hidden)",
                ])
        } else {
            self.logger.debug(
                "call refused",
                metadata: [
                    "operation": "\(rpc.method)", "code": "\(status.code)",
                    "answer": "\(status.message)",
                ])
        }
    }
}
