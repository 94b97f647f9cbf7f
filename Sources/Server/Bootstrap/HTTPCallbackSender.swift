import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Primitives
import ServiceClients

/// Delivers completion callbacks over HTTP/1.1 or HTTP/2, with TLS where the URL says so.
///
/// Follows no redirects, reads no answer beyond its status, and hands its client no logger: URL and
/// headers hold secrets.
final class HTTPCallbackSender: CallbackSender {
    /// Attempts that are made at a time by this process.
    private static let sendingMax = 256
    /// How much of an answer's body is read, and for how long, so that its connection can be used
    /// again.
    private static let bodyMax = 64 * 1_024
    private static let bodyTimeMax = Duration.seconds(1)

    private let client: HTTPClient
    private let slots = SendingSlots(count: sendingMax)

    init() {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        configuration.timeout.read = .seconds(10)
        // The history service decides when to try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
        configuration.connectionPool.idleTimeout = .seconds(30)
        self.client = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Ends what is on its way, and all connections.
    func shutdown() async {
        self.slots.close()
        do {
            try await self.client.shutdown()
        } catch {
            // What does not end cleanly ends with the process, which is next.
        }
    }

    func send(_ delivery: CallbackDelivery) async -> CallbackOutcome {
        guard await self.slots.take() else {
            return .unreachable(reason: "the server is shutting down")
        }
        defer { self.slots.giveBack() }
        var request = HTTPClientRequest(url: delivery.url)
        request.method = .POST
        for header in delivery.headers {
            request.headers.add(name: header.name, value: header.value)
        }
        request.body = .bytes(delivery.body, length: .known(Int64(delivery.body.count)))
        do {
            let response = try await self.client.execute(
                request, timeout: .nanoseconds(delivery.timeout.nanoseconds))
            await self.drain(response.body)
            return .answered(
                status: Int(response.status.code),
                isRetryable: response.headers.first(name: "nexus-request-retryable")
                    .flatMap { Bool($0.lowercased()) })
        } catch let error as HTTPClientError {
            return Self.outcome(of: error)
        } catch {
            // What the system says about sockets; it may name the address, which is no secret.
            return .unreachable(reason: "connection failed: \(type(of: error))")
        }
    }

    /// Reads a short body to its end; a longer one costs its connection.
    private func drain(_ body: HTTPClientResponse.Body) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var rest = Self.bodyMax
                do {
                    for try await part in body {
                        rest -= part.readableBytes
                        if rest < 0 { break }
                    }
                } catch {
                    // The status is known; nothing more is wanted.
                }
            }
            group.addTask { try? await Task.sleep(for: Self.bodyTimeMax) }
            await group.next()
            group.cancelAll()
        }
    }

    private static func outcome(of error: HTTPClientError) -> CallbackOutcome {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout, .connectTimeout,
            .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            return .timedOut
        default:
            // The short form names nothing of the request.
            let reason = error.shortDescription
            return Self.unsendable.contains(reason)
                ? .unsendable(reason: "the request cannot be sent: \(reason)")
                : .unreachable(reason: "connection failed: \(reason)")
        }
    }

    /// What is wrong with a request, by the client's names, which have no other form for all of it.
    private static let unsendable: Set<String> = [
        "Invalid URL", "Empty host", "Empty scheme", "Unsupported scheme",
        "Invalid header field names", "Invalid header field values",
    ]
}
