import Primitives
import ServiceClients

extension CallbackOutcome {
    /// What an attempt that ended like this means for its callback, `backoff` being how long the
    /// next one would wait.
    func end(backoff: Duration, now: Timestamp) -> CallbackAttemptEnd {
        let retry = now + backoff
        switch self {
        case .answered(200...299, _): return .succeeded
        case .answered(let status, let isRetryable):
            let reason = Self.reason(status)
            return isRetryable ?? Self.isRetryable(status)
                ? .retried(at: retry, reason: reason) : .failed(reason: reason)
        case .timedOut: return .retried(at: retry, reason: "request timed out")
        case .unreachable(let reason): return .retried(at: retry, reason: reason)
        case .unsendable(let reason): return .failed(reason: reason)
        }
    }

    /// Whoever refuses what was asked refuses it the next time, too.
    private static func isRetryable(_ status: Int) -> Bool {
        switch status {
        case 408, 429: true
        case 400...499, 501: false
        default: true
        }
    }

    /// In the words of a Temporal server, which takes an answer for a Nexus handler error.
    private static func reason(_ status: Int) -> String {
        let known: (type: String, text: String)? =
            switch status {
            case 400: ("BAD_REQUEST", "Bad Request")
            case 401: ("UNAUTHENTICATED", "Unauthorized")
            case 403: ("UNAUTHORIZED", "Forbidden")
            case 404: ("NOT_FOUND", "Not Found")
            case 408: ("REQUEST_TIMEOUT", "Request Timeout")
            case 409: ("CONFLICT", "Conflict")
            case 429: ("RESOURCE_EXHAUSTED", "Too Many Requests")
            case 500: ("INTERNAL", "Internal Server Error")
            case 501: ("NOT_IMPLEMENTED", "Not Implemented")
            case 503: ("UNAVAILABLE", "Service Unavailable")
            case 520: ("UPSTREAM_TIMEOUT", "")
            default: nil
            }
        guard let known else { return "unexpected response status: \"\(status)\"" }
        return "handler error (\(known.type)): \(known.text)"
    }
}

/// How long callbacks wait before they are tried again.
enum CallbackRetry {
    /// Twice as long after each attempt, up to `longest`; up to a fifth is left off, so that what
    /// failed together does not come back together.
    static func backoff(
        afterAttempt attempt: Int32, initial: Duration, longest: Duration,
        using generator: inout SeededGenerator
    ) -> Duration {
        var nanoseconds = min(max(initial.nanoseconds, 0), longest.nanoseconds)
        for _ in 1..<max(attempt, 1) where nanoseconds < longest.nanoseconds {
            let (doubled, overflow) = nanoseconds.multipliedReportingOverflow(by: 2)
            nanoseconds = overflow ? longest.nanoseconds : min(doubled, longest.nanoseconds)
            if nanoseconds == 0 { break }
        }
        return .nanoseconds(nanoseconds - Int64.random(in: 0...nanoseconds / 5, using: &generator))
    }
}
