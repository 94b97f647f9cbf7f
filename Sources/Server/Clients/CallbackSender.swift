/// How history reaches those who want to know how a workflow ended.
package protocol CallbackSender: Sendable {
    /// Sends one completion and waits for the answer, at most as long as the delivery says.
    ///
    /// Cancelling the calling task gives up; whether the receiver got it is not known then.
    func send(_ delivery: CallbackDelivery) async -> CallbackOutcome
}

/// One attempt to tell a receiver of a completion: an HTTP POST.
///
/// URL and headers hold secrets and the body is somebody's payload: nothing of it is for a log.
package struct CallbackDelivery: Sendable, Equatable, CustomStringConvertible {
    package struct Header: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package let url: String
    /// Complete but for what frames the body.
    package let headers: [Header]
    package let body: [UInt8]
    /// How long the attempt may take.
    package let timeout: Duration

    package init(url: String, headers: [Header], body: [UInt8], timeout: Duration) {
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
    }

    package var description: String { "a callback delivery of \(self.body.count) bytes" }
}

/// What became of an attempt.
package enum CallbackOutcome: Sendable, Equatable {
    /// The receiver's HTTP status, and whether it says itself that another attempt makes sense.
    case answered(status: Int, isRetryable: Bool?)
    case timedOut
    /// No connection, or it broke. The reason holds nothing of the request.
    case unreachable(reason: String)
    /// The request is none that HTTP can carry. The reason holds nothing of the request.
    case unsendable(reason: String)
}
