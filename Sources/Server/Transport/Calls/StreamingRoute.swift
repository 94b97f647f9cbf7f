import Frontend
import GRPCCore
import GRPCProtobuf
import Primitives
import SwiftProtobuf

/// Any number of requests and replies: health watches and server reflection.
struct StreamingRoute<
    Request: SwiftProtobuf.Message & Sendable, Response: SwiftProtobuf.Message & Sendable
>:
    Route
{
    var admit: @Sendable (Metadata) async throws -> Void = { _ in }
    let handler: @Sendable (consuming Requests, Responses) async throws -> Void

    /// What the caller sends, message by message.
    struct Requests {
        fileprivate var parts: RequestParts.AsyncIterator

        /// The next request, or nil when the caller has sent its last one.
        mutating func next() async throws -> Request? {
            guard let part = try await self.parts.nextPart() else { return nil }
            guard case .message(let bytes) = part else {
                throw RPCError(code: .internalError, message: "the call has headers twice")
            }
            return try ProtobufDeserializer<Request>().deserialize(bytes)
        }
    }

    /// Takes the replies.
    struct Responses: Sendable {
        fileprivate let writer: RPCWriter<RPCResponsePart<WireBytes>>.Closable

        func send(_ response: Response) async throws {
            try await self.writer.write(
                .message(try ProtobufSerializer<Response>().serialize(response)))
        }
    }

    func answer(_ stream: CallStream, _ drain: Drain) async throws -> WireBytes? {
        let admit = self.admit
        let handler = self.handler
        let task = Task {
            var parts = stream.inbound.makeAsyncIterator()
            guard case .metadata(let metadata) = try await parts.nextPart() else {
                throw RPCError(code: .internalError, message: "the call has no headers")
            }
            try await admit(metadata)
            try await stream.outbound.write(.metadata([:]))
            try await handler(Requests(parts: parts), Responses(writer: stream.outbound))
        }
        try await drain.cancelling(task) { try await task.value }
        return nil
    }
}

extension CallTable {
    /// What a call of a streaming RPC must pass first.
    func admission(to rpc: RPCName) -> @Sendable (Metadata) async throws -> Void {
        let gate = self.gate
        return { metadata in _ = try await gate?.admit(rpc, headers: metadata.texts) }
    }
}
