import GRPCCore
import NIOCore
import NIOHTTP2

/// Knows whether the server has announced that a connection ends.
///
/// The gRPC library may still begin calls then. The first that does makes the HTTP/2 library end the
/// connection, with all calls that are open; so none is let through (``CallEntrance``).
final class EndOfConnection: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias InboundOut = HTTP2Frame

    private(set) var isAnnounced = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .goAway = self.unwrapInboundIn(data).payload { self.isAnnounced = true }
        context.fireChannelRead(data)
    }

    /// Watches a connection.
    static func watch(_ connection: any Channel) -> EventLoopFuture<Void> {
        connection.eventLoop.makeCompletedFuture {
            let pipeline = connection.pipeline.syncOperations
            let library = try pipeline.handler(type: NIOHTTP2Handler.self)
            try pipeline.addHandler(EndOfConnection(), position: .after(library))
        }
    }

    /// Watches over one call on such a connection.
    static func watch(callOn stream: any Channel) -> EventLoopFuture<Void> {
        stream.eventLoop.makeCompletedFuture {
            guard let connection = stream.parent?.pipeline.syncOperations else { return }
            let end = try connection.handler(type: EndOfConnection.self)
            try stream.pipeline.syncOperations.addHandler(CallEntrance(end), position: .first)
        }
    }
}

/// Ends a call that begins after the end of its connection was announced: it never was anywhere, and
/// can be made again.
private final class CallEntrance: ChannelOutboundHandler {
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let connection: EndOfConnection
    private var hasBegun = false

    init(_ connection: EndOfConnection) { self.connection = connection }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.hasBegun else { return context.write(data, promise: promise) }
        if self.connection.isAnnounced {
            promise?.fail(ChannelError.ioOnClosedChannel)
            context.close(promise: nil)
        } else {
            self.hasBegun = true
            context.write(data, promise: promise)
        }
    }
}
