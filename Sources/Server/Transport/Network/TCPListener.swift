import GRPCNIOTransportHTTP2
import NIOCore
import NIOPosix

/// Accepts connections on a socket that was opened before.
struct TCPListener: HTTP2ServerTransport.ListenerFactory {
    let socket: ListeningSocket
    /// Nil for plain text.
    let security: ListenerSecurity?
    let eventLoopGroup: any EventLoopGroup

    init(socket: ListeningSocket, security: ListenerSecurity?) {
        self.socket = socket
        self.security = security
        self.eventLoopGroup = MultiThreadedEventLoopGroup.singleton
    }

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<
        HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never
    > {
        let security = self.security
        return try await ServerBootstrap(group: self.eventLoopGroup)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(NIOBSDSocket.Handle(self.socket.descriptor)) { channel in
                guard let security else {
                    return connectionConfigurator.configure(channel: channel, tls: .none)
                }
                return channel.eventLoop.makeCompletedFuture { try security.protect(channel) }
                    .flatMap {
                        connectionConfigurator.configure(
                            channel: channel, tls: .configured(requireALPN: false))
                    }
            }
    }
}
