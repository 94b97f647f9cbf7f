import Bootstrap
import Frontend
import GRPCCore
import GRPCTransport
import Primitives
import Synchronization
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct CallServerTests {
    static let echo = RPCName(service: "test.Service", method: "Echo")
    typealias Text = Google_Protobuf_StringValue

    static func table(
        _ handler: @escaping @Sendable (Text, CallContext) async throws -> Text
    ) -> CallTable {
        var table = CallTable()
        table.addUnary(Self.echo, clock: SystemClock(), handler: handler)
        return table
    }

    @Test("A call gets its reply, and its handler the deadline and the headers")
    func reply() async throws {
        let clock = SystemClock()
        let table = Self.table { request, context in
            let rest = (context.deadline ?? .epoch) - clock.now()
            #expect(rest > .seconds(300) && rest <= .seconds(600))
            #expect(context.metadata["content-type"] == "application/grpc")
            return request
        }
        try await Loopback.with(table) { loopback in
            let text = Text("hello")
            let reply: Text = try await loopback.call(Self.echo, text, timeout: .seconds(600))
            #expect(reply == text)
        }
    }

    @Test("An RPC nobody built is answered UNIMPLEMENTED with its name")
    func unimplemented() async throws {
        try await Loopback.with(Self.table { request, _ in request }) { loopback in
            for service in [Self.echo.service, "unknown.Service"] {
                let rpc = RPCName(service: service, method: "Missing")
                let error = try await loopback.failure(rpc, Text())
                #expect(error?.code == .unimplemented)
                #expect(error?.message.contains("Missing of \(service)") == true)
            }
        }
    }

    @Test("A request above the limit is refused, and the connection lives on")
    func largeRequest() async throws {
        try await Loopback.with(Self.table { _, _ in Text() }) { loopback in
            let large = Text(String(repeating: "x", count: 5 << 20))
            let error = try await loopback.failure(Self.echo, large)
            #expect(error?.code == .resourceExhausted)
            #expect(
                error?.message.hasPrefix("grpc: received message larger than max (5242885") == true)
            let reply: Text = try await loopback.call(Self.echo, Text("small"))
            #expect(reply == Text())
        }
    }

    @Test("Bytes that are no message are the caller's fault")
    func unreadableRequest() async throws {
        try await Loopback.with(Self.table { request, _ in request }) { loopback in
            let bytes = Google_Protobuf_BytesValue(.init([0xff, 0xfe]))
            let error = try await loopback.failure(Self.echo, bytes)
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test("A handler's error becomes the status, with its detail in the trailers")
    func handlerError() async throws {
        let table = Self.table { _, _ in throw ServiceError(.namespaceNotFound(name: "n"), "gone") }
        try await Loopback.with(table) { loopback in
            let error = try #require(try await loopback.failure(Self.echo, Text()))
            #expect(error.code == .notFound)
            #expect(error.message == "gone")
            let values = error.metadata[binaryValues: "grpc-status-details-bin"]
            let bytes = try #require(values.first { _ in true })
            let status = try Temporal_Api_Common_V1_GrpcStatus(serializedBytes: bytes)
            #expect(status.code == 5)
            #expect(status.message == "gone")
            let detail = try Temporal_Api_Errordetails_V1_NamespaceNotFoundFailure(
                unpackingAny: try #require(status.details.first))
            #expect(detail.namespace == "n")
        }
    }

    @Test("A caller whose time is up is told so")
    func deadline() async throws {
        let table = Self.table { request, context in
            try await SystemClock().sleep(until: try #require(context.deadline))
            throw ServiceError(.cancelled, "too late")
        }
        try await Loopback.with(table) { loopback in
            let error = try await loopback.failure(Self.echo, Text(), timeout: .milliseconds(100))
            #expect(error?.code == .deadlineExceeded)
        }
    }

    @Test("A call that is open when a shutdown begins comes to its end")
    func drain() async throws {
        let (started, report) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let table = Self.table { request, _ in
            report.yield()
            _ = await released.first { _ in true }
            return request
        }
        try await Loopback.with(table) { loopback in
            async let reply: Text = loopback.call(Self.echo, Text("late"))
            _ = await started.first { _ in true }
            loopback.server.beginShutdown()
            try await Task.sleep(for: .milliseconds(50))
            release.yield()
            #expect(try await reply == Text("late"))
        }
    }

    @Test("A port that is taken is a clear error")
    func portInUse() throws {
        let first = try ListeningSocket.open(ListenAddress(ip: "127.0.0.1", port: 0))
        defer { first.close() }
        #expect(throws: ListenError.inUse(first.address)) {
            try ListeningSocket.open(first.address)
        }
        #expect(throws: ListenError.notAnAddress("nowhere")) {
            try ListeningSocket.open(ListenAddress(ip: "nowhere", port: 0))
        }
    }
}
