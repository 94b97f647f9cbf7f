import Primitives
import SwiftProtobuf
import TemporalAPI

extension Failure {
    /// What the server reports for an activity that ran into a timeout.
    static func activityTimeout(_ type: Temporal_Api_Enums_V1_TimeoutType) -> Failure {
        .with {
            $0.message = "activity \(type.shortName) timeout"
            $0.source = "Server"
            $0.timeoutFailureInfo.timeoutType = type
        }
    }

    /// This timeout as it is reported when only the lack of time kept it from being retried.
    var noTimeToRetry: Failure {
        var failure = self
        failure.message =
            "Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying"
        failure.timeoutFailureInfo.timeoutType = .scheduleToClose
        return failure
    }

    /// What is kept of a failure between attempts: at most 4 KiB of it.
    var truncatedForRetry: Failure {
        let sizeMax = 4 * 1_024
        guard MutableState.bytes(self).count > sizeMax else { return self }
        var kept = Failure.server("Failure exceeds size limit.", nonRetryable: false)
        kept.cause = self.truncated(to: sizeMax)
        return kept
    }
}

extension ActivityDeadline {
    /// Which timeout has passed when this deadline has.
    var timeoutType: Temporal_Api_Enums_V1_TimeoutType {
        switch self {
        case .scheduleToStart: .scheduleToStart
        case .scheduleToClose: .scheduleToClose
        case .startToClose: .startToClose
        case .heartbeat: .heartbeat
        case .retry: .unspecified
        }
    }
}

extension Temporal_Api_Enums_V1_TimeoutType {
    /// The name used in messages and in non-retryable error types.
    var shortName: String {
        switch self {
        case .startToClose: "StartToClose"
        case .scheduleToStart: "ScheduleToStart"
        case .scheduleToClose: "ScheduleToClose"
        case .heartbeat: "Heartbeat"
        case .unspecified, .UNRECOGNIZED: "Unspecified"
        }
    }
}
