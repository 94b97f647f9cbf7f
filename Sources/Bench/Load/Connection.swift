import GRPCCore
import GRPCNIOTransportHTTP2
import GRPCProtobuf
import SwiftProtobuf
import TemporalAPI

/// One connection to a server, over which any number of calls go at once.
struct Connection: Sendable {
    private let client: GRPCClient<HTTP2ClientTransport.Posix>

    init(to address: ServerAddress) throws {
        self.client = GRPCClient(
            transport: try HTTP2ClientTransport.Posix(
                target: .dns(host: address.host, port: address.port),
                transportSecurity: .plaintext))
    }

    /// Keeps the connection up; returns once it was closed.
    func run() async throws { try await self.client.runConnections() }

    func close() { self.client.beginGracefulShutdown() }

    /// Makes a call for which the server has nothing to do.
    func ping() async throws {
        _ = try await self.call(WorkflowService.systemInfo, GetSystemInfoRequest())
    }

    /// Makes a call.
    /// - Throws: `RPCError` with the server's code and message, or the transport's.
    func call<Request, Response>(
        _ rpc: RPC<Request, Response>, _ request: Request, timeout: Duration = .seconds(20)
    ) async throws -> Response {
        var options = CallOptions.defaults
        options.timeout = timeout
        return try await self.client.unary(
            request: ClientRequest(message: request), descriptor: rpc.descriptor,
            serializer: ProtobufSerializer<Request>(),
            deserializer: ProtobufDeserializer<Response>(), options: options
        ) { try $0.message }
    }
}

/// Where a server listens.
struct ServerAddress: Sendable {
    let host: String
    let port: Int

    /// Reads `host:port`; nil if it is not that.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port)
        else { return nil }
        self.host = String(text[..<colon])
        self.port = port
    }
}
