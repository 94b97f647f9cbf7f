import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Primitives
import ServiceClients

/// Asks services outside, by a client of its own: what they do slows nothing else down.
final class HTTPClientExchange: HTTPExchange {
    /// Bytes of an answer.
    private static let bodyMax = 4 << 20
    private static let connectionsMax = 256

    private let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration()
        // A token shown to one is not shown to another.
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
            Self.connectionsMax
        configuration.connectionPool.idleTimeout = .seconds(30)
        self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Ends what is on its way, and all connections.
    func shutdown() async {
        do {
            try await self.client.shutdown()
        } catch {
            // What does not end cleanly ends with the process, which is next.
        }
    }

    func answer(to request: OutgoingRequest, timeout: Duration) async -> HTTPOutcome {
        var outgoing = HTTPClientRequest(url: request.url)
        for header in request.headers {
            outgoing.headers.add(name: header.name, value: header.value)
        }
        if let body = request.body {
            outgoing.method = .POST
            outgoing.body = .bytes(body, length: .known(Int64(body.count)))
        }
        return await withTaskGroup(of: HTTPOutcome.self) { [outgoing] group in
            group.addTask { await self.answer(to: outgoing, timeout: timeout) }
            // The client's own timeout ends with the head of an answer.
            group.addTask {
                try? await Task.sleep(for: timeout)
                return .timedOut
            }
            defer { group.cancelAll() }
            return await group.next() ?? .timedOut
        }
    }

    private func answer(to request: HTTPClientRequest, timeout: Duration) async -> HTTPOutcome {
        do {
            let response = try await self.client.execute(
                request, timeout: .nanoseconds(timeout.nanoseconds))
            let body = try await response.body.collect(upTo: Self.bodyMax)
            return .answered(
                HTTPAnswer(status: Int(response.status.code), body: Array(body.readableBytesView)))
        } catch let error as HTTPClientError {
            return Self.outcome(of: error)
        } catch {
            // What the system says about sockets; it may name the address, which is no secret.
            return .failed(reason: "connection failed: \(type(of: error))")
        }
    }

    private static func outcome(of error: HTTPClientError) -> HTTPOutcome {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout, .connectTimeout,
            .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            .timedOut
        // The short form names nothing of the request.
        default: .failed(reason: error.shortDescription)
        }
    }
}
