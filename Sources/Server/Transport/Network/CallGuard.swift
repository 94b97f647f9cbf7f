import NIOCore
import NIOHPACK
import NIOHTTP2

/// Sits between HTTP/2 and the gRPC library on every call and corrects two things.
///
/// - A request message above the limit makes the library close the stream without a word; the
///   caller gets the status SDKs look for instead.
/// - The library compresses replies for everybody who would understand it. Replies go out as they
///   are: payloads are mostly incompressible, and a compressor costs 256 KiB for each call.
final class CallGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private enum Reply {
        case nothing
        case headers
        case complete
    }

    private let requestSizeMax: Int
    /// Of the request message: whether it is compressed, and its length.
    private var prefix: [UInt8] = []
    private var reply = Reply.nothing
    private var isOpen = true
    /// Whether the caller has sent everything.
    private var isRequestComplete = false
    private var discarding: Discarding?

    /// A call that has been answered while its caller still sends.
    ///
    /// Closing it now would tell the caller that it was reset, which some then report instead of
    /// the answer. So the rest is read and dropped first, within bounds.
    private struct Discarding {
        static let sizeMax = 64 << 20
        var size = 0
        let promise: EventLoopPromise<Void>?
    }

    init(requestSizeMax: Int) { self.requestSizeMax = requestSizeMax }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .headers(var frame):
            if frame.endStream { self.isRequestComplete = true }
            frame.headers.remove(name: "grpc-accept-encoding")
            if self.discarding == nil {
                context.fireChannelRead(self.wrapInboundOut(.headers(frame)))
            }
        case .data(let frame):
            if frame.endStream { self.isRequestComplete = true }
            if self.prefix.count < Self.prefixSize, case .byteBuffer(let bytes) = frame.data {
                self.prefix += bytes.readableBytesView.prefix(Self.prefixSize - self.prefix.count)
            }
            if self.discarding == nil {
                context.fireChannelRead(data)
            } else {
                self.discarding?.size += frame.data.readableBytes
            }
        default:
            context.fireChannelRead(data)
        }
        self.discardMore(context)
    }

    /// Closes the call, or reads on.
    private func discardMore(_ context: ChannelHandlerContext) {
        guard let discarding = self.discarding else { return }
        if self.isRequestComplete || discarding.size > Discarding.sizeMax {
            self.discarding = nil
            context.close(promise: discarding.promise)
        } else {
            context.read()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isOpen = false
        self.discarding?.promise?.succeed()
        self.discarding = nil
        context.fireChannelInactive()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .headers(let frame) = self.unwrapOutboundIn(data) {
            self.reply = frame.endStream ? .complete : .headers
        }
        context.write(data, promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard self.isOpen, self.discarding == nil, let trailers = self.trailers else {
            return context.close(mode: mode, promise: promise)
        }
        self.reply = .complete
        context.writeAndFlush(self.wrapOutboundOut(.headers(trailers)), promise: nil)
        self.discarding = Discarding(promise: promise)
        self.discardMore(context)
    }

    /// What ends a call the library gave up.
    private var trailers: HTTP2Frame.FramePayload.Headers? {
        var headers: HPACKHeaders
        switch self.reply {
        case .complete: return nil
        case .headers: headers = [:]
        case .nothing: headers = [":status": "200", "content-type": "application/grpc"]
        }
        let (code, message) = self.reason
        headers.add(name: "grpc-status", value: String(code))
        headers.add(name: "grpc-message", value: message)
        return HTTP2Frame.FramePayload.Headers(headers: headers, endStream: true)
    }

    /// Why the library gave the call up, as far as it can be told from here.
    private var reason: (code: Int, message: String) {
        guard self.prefix.count == Self.prefixSize else {
            return (Self.internalError, "the request could not be read")
        }
        let size = self.prefix.dropFirst().reduce(0) { $0 << 8 | Int($1) }
        if size > self.requestSizeMax {
            return (
                Self.resourceExhausted,
                "grpc: received message larger than max (\(size) vs. \(self.requestSizeMax))"
            )
        }
        guard self.prefix[0] == 0 else {
            return (
                Self.resourceExhausted,
                "grpc: received message after decompression larger than max \(self.requestSizeMax)"
            )
        }
        return (Self.internalError, "the request could not be read")
    }

    private static let prefixSize = 5
    private static let resourceExhausted = 8
    private static let internalError = 13
}
