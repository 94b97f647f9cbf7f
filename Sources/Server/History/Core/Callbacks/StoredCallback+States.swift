import Primitives
import SwiftProtobuf
import TemporalAPI

/// How an attempt to deliver a callback ended, for the callback.
enum CallbackAttemptEnd: Equatable {
    case succeeded
    /// Tried again at that time.
    case retried(at: Timestamp, reason: String)
    /// Never tried again.
    case failed(reason: String)
}

/// A completion callback of a run:
///
///     standby ── run closes ──▶ scheduled ── attempt ends ──▶ succeeded or failed
///                                 ▲    │
///                 back-off is over     attempt ends
///                                 │    ▼
///                               backing off
///
/// It stays in standby for ever if its run is not the last of its chain, or was left by a reset.
extension StoredCallback {
    /// Its place among the callbacks of its run, counted from 1.
    var number: Int { Int(self.id) ?? 0 }

    mutating func runClosed() {
        invariant(self.state == .standby, "callback \(self.id) was triggered before")
        self.state = .scheduled
    }

    mutating func attemptEnded(_ end: CallbackAttemptEnd, at now: Timestamp) {
        invariant(self.state == .scheduled, "callback \(self.id) had no attempt")
        self.attempt += 1
        self.lastAttemptAt = now.nanoseconds
        switch end {
        case .succeeded:
            self.state = .succeeded
            self.clearLastFailure()
        case .retried(let next, let reason):
            self.state = .backingOff
            self.nextAttemptAt = next.nanoseconds
            self.lastFailure = .callback(reason, isFinal: false)
        case .failed(let reason):
            self.state = .failed
            self.lastFailure = .callback(reason, isFinal: true)
        }
    }

    mutating func backOffEnded() {
        invariant(self.state == .backingOff, "callback \(self.id) does not back off")
        self.state = .scheduled
        self.nextAttemptAt = 0
    }

    /// As callers see it.
    var description: Temporal_Api_Workflow_V1_CallbackInfo {
        .with {
            $0.callback = self.callback
            $0.trigger.workflowClosed = .init()
            $0.registrationTime = Timestamp(nanoseconds: self.registeredAt).proto
            $0.state = self.apiState
            $0.attempt = self.attempt
            if self.lastAttemptAt != 0 {
                $0.lastAttemptCompleteTime = Timestamp(nanoseconds: self.lastAttemptAt).proto
            }
            if self.hasLastFailure { $0.lastAttemptFailure = self.lastFailure }
            if self.nextAttemptAt != 0 {
                $0.nextAttemptScheduleTime = Timestamp(nanoseconds: self.nextAttemptAt).proto
            }
            $0.requestID = self.requestID
        }
    }

    private var apiState: Temporal_Api_Enums_V1_CallbackState {
        switch self.state {
        case .standby: .standby
        case .scheduled: .scheduled
        case .backingOff: .backingOff
        case .failed: .failed
        case .succeeded: .succeeded
        case .unspecified, .UNRECOGNIZED: .unspecified
        }
    }
}

extension Failure {
    fileprivate static func callback(_ reason: String, isFinal: Bool) -> Failure {
        .with {
            $0.message = reason
            $0.applicationFailureInfo = .with { $0.nonRetryable = isFinal }
        }
    }
}
