import SwiftProtobuf
import TemporalAPI

/// Failures the server writes in place of what is too large to keep.
enum ServerFailure {
    static let resultTooLarge = "Complete result exceeds size limit."
    static let failureTooLarge = "Failure exceeds size limit."
    static let heartbeatTooLarge = "Heartbeat details exceed size limit."
    static let cancelDetailsTooLarge = "Cancel details exceed size limit."

    /// What is left of an oversized failure: message and stack trace, cut.
    static let truncatedSizeMax = 2_000

    static func nonRetryable(_ message: String) -> Failure {
        .with {
            $0.message = message
            $0.source = "Server"
            $0.serverFailureInfo = .with { $0.nonRetryable = true }
        }
    }

    /// Stands in for `failure`: says that it was too large, with its beginning as the cause.
    static func replacing(_ failure: Failure) -> Failure {
        var replacement = self.nonRetryable(self.failureTooLarge)
        replacement.cause = .with {
            $0.message = self.cut(failure.message)
            $0.stackTrace = self.cut(failure.stackTrace)
            $0.source = self.cut(failure.source)
            guard case .applicationFailureInfo(let info) = failure.failureInfo else { return }
            $0.applicationFailureInfo = .with {
                $0.type = self.cut(info.type)
                $0.nonRetryable = info.nonRetryable
            }
        }
        return replacement
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > self.truncatedSizeMax else { return text }
        var size = 0
        return String(
            text.prefix { character in
                size += character.utf8.count
                return size <= self.truncatedSizeMax
            })
    }
}
