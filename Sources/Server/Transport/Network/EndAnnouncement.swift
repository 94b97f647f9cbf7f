import NIOCore
import NIOHTTP2

/// Lets callers use a connection until they know that it ends.
///
/// A connection ends in two steps: GOAWAY that names no call, with a ping; and when that is answered,
/// GOAWAY with the last call there was. Calls that were on their way when the first one went out are
/// served like all others. Two things are in the way of that:
///
/// - The HTTP/2 library takes the first one for the last word. It refuses a call that comes after it,
///   and then ends the connection with all calls that are open (apple/swift-nio-http2, issue 466). So
///   the first one goes past it.
/// - Some clients, those that are built on gRPC's C core among them, answer the ping before they send
///   the last calls they have begun. So the answer has to wait a little.
final class EndAnnouncement: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame
    typealias InboundOut = HTTP2Frame
    typealias OutboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private static let lastCallsTime = TimeAmount.milliseconds(100)
    /// GOAWAY as RFC 9113 has it: length, type, flags, stream; last stream, code.
    private static let bytes: [UInt8] = [
        0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0,
    ]

    private var isAnnounced = false
    /// The one that follows the announcement.
    private var ping: HTTP2PingData?
    private var answer: Scheduled<Void>?

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data).payload {
        case .goAway(.maxID, .noError, nil):
            guard
                let library = try? context.pipeline.syncOperations.context(
                    handlerType: NIOHTTP2Handler.self)
            else { break }
            self.isAnnounced = true
            // The ping goes through the library, and has this flushed too.
            let buffer = context.channel.allocator.buffer(bytes: Self.bytes)
            return library.write(NIOAny(buffer), promise: promise)
        case .ping(let data, ack: false) where self.isAnnounced && self.ping == nil:
            self.ping = data
        default: break
        }
        context.write(data, promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        guard case .ping(let ping, ack: true) = frame.payload, ping == self.ping else {
            return context.fireChannelRead(data)
        }
        self.answer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.lastCallsTime) {
            context.fireChannelRead(self.wrapInboundOut(frame))
            context.fireChannelReadComplete()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.answer?.cancel() }
}

extension Channel {
    /// Puts the handler between the HTTP/2 library and what decides when connections end.
    func announceEnds() throws {
        let pipeline = self.pipeline.syncOperations
        let library = try pipeline.handler(type: NIOHTTP2Handler.self)
        try pipeline.addHandler(EndAnnouncement(), position: .after(library))
    }
}
