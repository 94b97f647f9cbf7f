/// Asks services outside over HTTP.
package protocol HTTPExchange: Sendable {
    /// Sends a request and waits for the whole answer, at most as long as `timeout`.
    ///
    /// Follows no redirects, and shows nothing of the request to anybody else.
    func answer(to request: OutgoingRequest, timeout: Duration) async -> HTTPOutcome
}

/// A request to a service outside.
///
/// Its headers hold secrets: it is nothing for a log.
package struct OutgoingRequest: Sendable, Equatable, CustomStringConvertible {
    package let url: String
    package let headers: [CallbackDelivery.Header]
    /// Of a POST; without one it is a GET.
    package let body: [UInt8]?

    package init(url: String, headers: [CallbackDelivery.Header], body: [UInt8]? = nil) {
        self.url = url
        self.headers = headers
        self.body = body
    }

    package var description: String { "a request to a service outside" }
}

/// What became of a request.
package enum HTTPOutcome: Sendable, Equatable {
    case answered(HTTPAnswer)
    case timedOut
    /// No connection, or it broke, or the answer was too large. The reason holds nothing of the
    /// request.
    case failed(reason: String)
}

package struct HTTPAnswer: Sendable, Equatable {
    package let status: Int
    package let body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}
