import Frontend
import GRPCCore
import GRPCProtobuf
import Primitives
import SwiftProtobuf
import TemporalAPI

/// One request message, one reply.
struct UnaryRoute<
    Request: SwiftProtobuf.Message & Sendable, Response: SwiftProtobuf.Message & Sendable
>:
    Route
{
    let clock: any TimeSource
    let role: FrontendRole
    let handler: @Sendable (Request, CallContext) async throws -> Response

    func answer(_ stream: CallStream, _ drain: Drain) async throws -> WireBytes? {
        var parts = stream.inbound.makeAsyncIterator()
        guard case .metadata(let metadata) = try await parts.nextPart() else {
            throw RPCError(code: .internalError, message: "the call has no headers")
        }
        guard case .message(let bytes) = try await parts.nextPart() else {
            throw RPCError(code: .internalError, message: "the call has no request message")
        }
        let request = try ProtobufDeserializer<Request>().deserialize(bytes)
        let context = CallContext(metadata, role: self.role, now: self.clock.now())
        let response = try await self.run(request, context, drain)
        return try ProtobufSerializer<Response>().serialize(response)
    }

    /// Runs the handler in a task of its own, which is cancelled when the caller goes away.
    ///
    /// The task the library runs the call in must stay uncancelled: it still writes the status.
    private func run(
        _ request: Request, _ context: CallContext, _ drain: Drain
    ) async throws -> Response {
        let handler = self.handler
        let task = Task { try await handler(request, context) }
        do {
            return try await drain.cancelling(task) { try await task.value }
        } catch {
            guard error.isCancellation else { throw error }
            if let deadline = context.deadline, self.clock.now() >= deadline {
                throw ServiceError(.deadlineExceeded, "context deadline exceeded")
            }
            if drain.isEnding { throw ServiceError.unavailable("the server is shutting down") }
            throw error
        }
    }
}

extension CallTable {
    /// Answers an RPC of one request and one reply with `handler`, whose task is cancelled when the
    /// caller goes away.
    package mutating func addUnary<
        Request: SwiftProtobuf.Message & Sendable, Response: SwiftProtobuf.Message & Sendable
    >(
        _ rpc: RPCName, role: FrontendRole = .publicFrontend, clock: any TimeSource,
        handler: @escaping @Sendable (Request, CallContext) async throws -> Response
    ) {
        self.add(rpc, UnaryRoute(clock: clock, role: role, handler: handler))
    }
}

extension Error {
    /// Whether this says that the caller does not wait any more.
    var isCancellation: Bool {
        if let error = self as? ServiceError { return error.kind == .cancelled }
        return self is CancellationError
    }
}

extension CallContext {
    init(_ metadata: Metadata, role: FrontendRole, now: Timestamp) {
        let headers = metadata.texts
        let timeout = headers["grpc-timeout"].flatMap(CallTimeout.init)
        self.init(deadline: timeout.map { now + $0.duration }, metadata: headers, role: role)
    }
}

extension Metadata {
    /// Text headers by lower-case name; of several values the last one.
    var texts: [String: String] {
        var headers: [String: String] = [:]
        for case (let name, .string(let value)) in self { headers[name] = value }
        return headers
    }
}

/// The `grpc-timeout` header: up to eight digits and a unit.
struct CallTimeout: Equatable {
    let duration: Duration

    init?(_ text: String) {
        let digits = text.utf8.dropLast()
        guard let unit = text.utf8.last, (1...8).contains(digits.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        let amount = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        switch unit {
        case UInt8(ascii: "H"): self.duration = .seconds(amount * 3_600)
        case UInt8(ascii: "M"): self.duration = .seconds(amount * 60)
        case UInt8(ascii: "S"): self.duration = .seconds(amount)
        case UInt8(ascii: "m"): self.duration = .milliseconds(amount)
        case UInt8(ascii: "u"): self.duration = .microseconds(amount)
        case UInt8(ascii: "n"): self.duration = .nanoseconds(amount)
        default: return nil
        }
    }
}
