import BenchConnections
import Bootstrap
import Frontend
import GRPCCore
import GRPCTransport
import Logging
import Primitives
import SwiftProtobuf
import Synchronization
import Testing

/// A server on a free loopback port with one RPC, and a connection to it.
private struct Served: Sendable {
    typealias Text = Google_Protobuf_StringValue

    static let echo = RPCName(service: "test.Service", method: "Echo")

    let connection: Connection

    func echo(_ text: String, timeout: Duration = .seconds(300)) async throws -> String {
        let rpc = RPC<Text, Text>(Self.echo.method, service: Self.echo.service)
        return try await self.connection.call(rpc, Text(text), timeout: timeout).value
    }

    static func with(
        limits: TransportLimits = TransportLimits(), headers: CallHeaders = .none,
        onRetry: @escaping @Sendable () -> Void = {},
        handler: @escaping @Sendable (Text, CallContext) async throws -> Text,
        _ body: @escaping @Sendable (Served) async throws -> Void
    ) async throws {
        var table = CallTable()
        table.addUnary(Self.echo, clock: SystemClock(), handler: handler)
        let socket = try ListeningSocket.open(ListenAddress(ip: "127.0.0.1", port: 0))
        let server = CallServer(
            socket: socket, table: table, limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let address = try #require(ServerAddress("127.0.0.1:\(socket.address.port)"))
        let connection = try Connection(to: address, headers: headers, onRetry: onRetry)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask { try await connection.run() }
            try await body(Served(connection: connection))
            connection.close()
            server.beginShutdown()
            server.endCalls()
            try await group.waitForAll()
        }
    }
}

/// Counts from anywhere.
private final class Count: Sendable {
    private let atomic = Atomic<Int>(0)

    var value: Int { self.atomic.load(ordering: .relaxed) }

    func increment() { self.atomic.add(1, ordering: .relaxed) }
}

@Suite struct ConnectionTests {
    @Test("When the server ends connections because of their age, every call is handled once")
    func age() async throws {
        var limits = TransportLimits()
        limits.connectionAgeMax = .milliseconds(100)
        let handled = Count(), answered = Count(), retries = Count()
        try await Served.with(
            limits: limits, onRetry: { retries.increment() },
            handler: { text, _ in
                handled.increment()
                return text
            }
        ) { served in
            // The other tests may take the processors for a while.
            let end = ContinuousClock.now + .seconds(240)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        while retries.value == 0, ContinuousClock.now < end {
                            let reply = try await served.echo("\(number)")
                            #expect(reply == "\(number)")
                            answered.increment()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(answered.value == handled.value)
        #expect(retries.value > 0, "no connection ended, or none with calls on their way")
    }

    @Test("A call whose connection ends every time is made again so often and no more")
    func lost() async throws {
        var limits = TransportLimits()
        limits.connectionAgeMax = .milliseconds(20)
        limits.connectionAgeGrace = .milliseconds(20)
        let calls = Count(), retries = Count()
        try await Served.with(
            limits: limits, onRetry: { retries.increment() },
            handler: { text, _ in
                calls.increment()
                try await Task.sleep(for: .seconds(60))
                return text
            }
        ) { served in
            let error = await #expect(throws: RPCError.self) {
                try await served.echo("late", timeout: .seconds(600))
            }
            #expect(error?.code == .unavailable)
        }
        // Some are lost on their way.
        #expect((1...Connection.attemptsMax).contains(calls.value))
        #expect(retries.value == Connection.attemptsMax - 1)
    }

    @Test("What the server says is its answer, and not asked again")
    func answers() async throws {
        let calls = Count(), retries = Count()
        try await Served.with(
            onRetry: { retries.increment() },
            handler: { _, _ in
                calls.increment()
                throw ServiceError.unavailable("not now")
            }
        ) { served in
            let error = await #expect(throws: RPCError.self) { try await served.echo("x") }
            #expect(error?.code == .unavailable && error?.message == "not now")
        }
        #expect(calls.value == 1 && retries.value == 0)
    }

    @Test("All attempts together take no longer than the call may")
    func timeout() async throws {
        var limits = TransportLimits()
        limits.connectionAgeMax = .milliseconds(100)
        limits.connectionAgeGrace = .milliseconds(100)
        let retries = Count()
        try await Served.with(
            limits: limits, onRetry: { retries.increment() },
            handler: { text, _ in
                try await Task.sleep(for: .seconds(60))
                return text
            }
        ) { served in
            let error = await #expect(throws: RPCError.self) {
                try await served.echo("x", timeout: .milliseconds(500))
            }
            #expect(error?.code == .deadlineExceeded || error?.code == .unavailable)
        }
        // Each attempt takes two tenths of a second at least.
        #expect(retries.value <= 2)
    }

    @Test("Headers and users reach the server")
    func headers() async throws {
        let headers = try CallHeaders(fields: ["x-tenant=a"], tokens: "one\ntwo\n")
        try await Served.with(
            headers: headers,
            handler: { _, context in
                let tenant = context.metadata["x-tenant"] ?? ""
                return .init("\(tenant) \(context.metadata["authorization"] ?? "")")
            }
        ) { served in
            for expected in ["a Bearer one", "a Bearer two", "a Bearer one"] {
                let reply = try await served.echo("x")
                #expect(reply == expected)
            }
        }
    }
}
