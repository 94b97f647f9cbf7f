import Primitives
import SwiftProtobuf
import TemporalAPI

/// Failures the server writes in place of what is too large to keep.
enum ServerFailure {
    static let resultTooLarge = "Complete result exceeds size limit."
    static let failureTooLarge = "Failure exceeds size limit."
    static let heartbeatTooLarge = "Heartbeat details exceed size limit."
    static let cancelDetailsTooLarge = "Cancel details exceed size limit."

    /// What is left of an oversized failure, in bytes.
    static let truncatedSizeMax = 2_000

    static func nonRetryable(_ message: String) -> Failure {
        .server(message, nonRetryable: true)
    }

    /// Stands in for `failure`: says that it was too large, with its beginning as the cause.
    static func replacing(_ failure: Failure) -> Failure {
        var replacement = self.nonRetryable(self.failureTooLarge)
        replacement.cause = failure.truncated(to: self.truncatedSizeMax)
        return replacement
    }
}
