import GRPCCore
import GRPCNIOTransportHTTP2
import GRPCProtobuf
import SwiftProtobuf

/// One connection to a server, over which any number of calls go at once.
///
/// Servers end connections of a certain age, and some calls are lost then on their way. They are made
/// again, as SDKs do, and counted.
package struct Connection: Sendable {
    /// How often one call is made before its connection's end is its end too.
    package static let attemptsMax = 8
    /// Each further one is twice as long, together they are more than a second.
    private static let pauseFirst = Duration.milliseconds(10)

    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private let headers: CallHeaders
    private let onRetry: @Sendable () -> Void

    /// - Parameters:
    ///   - address: where the server listens.
    ///   - security: how the connection is protected.
    ///   - headers: what goes with every call.
    ///   - onRetry: told of every call that is made again.
    /// - Throws: if files that `security` names cannot be used.
    package init(
        to address: ServerAddress, security: ConnectionSecurity = .plaintext,
        headers: CallHeaders = .none, onRetry: @escaping @Sendable () -> Void = {}
    ) throws {
        self.client = GRPCClient(
            transport: try HTTP2ClientTransport.Posix(
                target: address.target, transportSecurity: security.transport,
                config: .defaults {
                    $0.channelDebuggingCallbacks.onCreateTCPConnection = {
                        EndOfConnection.watch($0)
                    }
                    $0.channelDebuggingCallbacks.onCreateHTTP2Stream = {
                        EndOfConnection.watch(callOn: $0)
                    }
                }))
        self.headers = headers
        self.onRetry = onRetry
    }

    /// Keeps the connection up; returns once it was closed.
    package func run() async throws { try await self.client.runConnections() }

    package func close() { self.client.beginGracefulShutdown() }

    /// Makes a call.
    /// - Throws: `RPCError` with the server's code and message, or the transport's.
    package func call<Request, Response>(
        _ rpc: RPC<Request, Response>, _ request: Request, timeout: Duration = .seconds(20)
    ) async throws -> Response {
        let deadline = ContinuousClock.now + timeout
        let headers = self.headers.next()
        var rest = timeout, pause = Self.pauseFirst
        for _ in 1..<Self.attemptsMax {
            do {
                return try await self.callOnce(rpc, request, headers, timeout: rest)
            } catch let error as RPCError where error.isLostCall {
                rest = ContinuousClock.now.duration(to: deadline) - pause
                guard rest > .zero else { throw error }
                self.onRetry()
                try await Task.sleep(for: pause)
                pause *= 2
            }
        }
        return try await self.callOnce(rpc, request, headers, timeout: rest)
    }

    private func callOnce<Request, Response>(
        _ rpc: RPC<Request, Response>, _ request: Request, _ headers: Metadata, timeout: Duration
    ) async throws -> Response {
        var options = CallOptions.defaults
        options.timeout = timeout
        return try await self.client.unary(
            request: ClientRequest(message: request, metadata: headers),
            descriptor: rpc.descriptor, serializer: ProtobufSerializer<Request>(),
            deserializer: ProtobufDeserializer<Response>(), options: options
        ) { try $0.message }
    }
}

extension RPCError {
    /// Whether the connection was the reason, and not the server.
    ///
    /// What a server says comes with headers, if only with `content-type`; what the library says in
    /// its place has none.
    fileprivate var isLostCall: Bool { self.code == .unavailable && self.metadata.isEmpty }
}

/// Where a server listens.
package struct ServerAddress: Sendable {
    package let host: String
    package let port: Int

    /// Reads `host:port`; nil if it is not that.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port)
        else { return nil }
        self.host = String(text[..<colon])
        self.port = port
    }

    /// An address is no name: TLS does not ask for it by one.
    fileprivate var target: any ResolvableTarget {
        let parts = self.host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
            ? .ipv4(address: self.host, port: self.port)
            : .dns(host: self.host, port: self.port)
    }
}

/// How a connection is protected; files are PEM.
package enum ConnectionSecurity: Sendable {
    case plaintext
    /// - `authority`: the file with whose certificates the server is trusted; nil for the system's.
    /// - `own`: the files with the certificate to show and its key.
    case tls(authority: String?, own: (certificate: String, key: String)?)

    fileprivate var transport: HTTP2ClientTransport.Posix.TransportSecurity {
        switch self {
        case .plaintext: .plaintext
        case .tls(let authority, let own):
            .tls { tls in
                if let authority {
                    tls.trustRoots = .certificates([.file(path: authority, format: .pem)])
                }
                if let own {
                    tls.certificateChain = [.file(path: own.certificate, format: .pem)]
                    tls.privateKey = .file(path: own.key, format: .pem)
                }
            }
        }
    }
}
