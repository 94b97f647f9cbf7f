import GRPCNIOTransportHTTP2
import NIOCore
import NIOPosix

/// Accepts connections on a socket that was opened before.
struct TCPListener: HTTP2ServerTransport.ListenerFactory {
    let socket: ListeningSocket
    let eventLoopGroup: any EventLoopGroup

    init(socket: ListeningSocket) {
        self.socket = socket
        self.eventLoopGroup = MultiThreadedEventLoopGroup.singleton
    }

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<
        HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never
    > {
        try await ServerBootstrap(group: self.eventLoopGroup)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(NIOBSDSocket.Handle(self.socket.descriptor)) { channel in
                connectionConfigurator.configure(channel: channel, tls: .none)
            }
    }
}
