import Bootstrap
import Frontend
import GRPCCore
import GRPCNIOTransportHTTP2
import GRPCProtobuf
import GRPCTransport
import Logging
import Primitives
import SwiftProtobuf
import TemporalAPI

/// A listener on a free loopback port, and a client connected to it.
struct Loopback: Sendable {
    typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

    let server: CallServer
    let client: Client

    /// Serves `table` while `body` runs.
    static func with(
        _ table: CallTable, limits: TransportLimits = TransportLimits(),
        _ body: @escaping @Sendable (Loopback) async throws -> Void
    ) async throws {
        let socket = try ListeningSocket.open(ListenAddress(ip: "127.0.0.1", port: 0))
        let server = CallServer(
            socket: socket, table: table, limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: socket.address.port),
            transportSecurity: .plaintext)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await withGRPCClient(transport: transport) { client in
                try await body(Loopback(server: server, client: client))
            }
            server.beginShutdown()
            try await group.waitForAll()
        }
    }

    /// Calls an RPC with messages.
    func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ rpc: RPCName, _ request: Request, _ response: Response.Type = Response.self,
        timeout: Duration? = nil
    ) async throws -> Response {
        var options = CallOptions.defaults
        options.timeout = timeout
        return try await self.client.unary(
            request: ClientRequest(message: request),
            descriptor: MethodDescriptor(fullyQualifiedService: rpc.service, method: rpc.method),
            serializer: ProtobufSerializer<Request>(),
            deserializer: ProtobufDeserializer<Response>(), options: options
        ) { try $0.message }
    }

    /// Calls an RPC and returns the status it fails with.
    func failure<Request: SwiftProtobuf.Message>(
        _ rpc: RPCName, _ request: Request, timeout: Duration? = nil
    ) async throws -> RPCError? {
        do {
            _ = try await self.call(rpc, request, Google_Protobuf_Empty.self, timeout: timeout)
            return nil
        } catch let error as RPCError {
            return error
        }
    }
}
