import Primitives
import SwiftProtobuf
import TemporalAPI

/// Whether a failed attempt of an activity or a run is followed by another one.
package enum RetryDecision: Equatable, Sendable {
    case retry(after: Duration)
    case giveUp(RetryState)

    /// Decides after a failed attempt, which is counted from 1.
    ///
    /// The policy has all defaults filled in; a worker that gave no failure may be retried; the next
    /// attempt must start before `expiration`. `capsNextRetryDelay` says whether the policy's
    /// maximum interval holds for a delay the application chose, too: it does for runs, not for
    /// activities.
    package init(
        policy: Temporal_Api_Common_V1_RetryPolicy, attempt: Int32, failure: Failure?,
        now: Timestamp, expiration: Timestamp?, capsNextRetryDelay: Bool
    ) {
        if let failure {
            if case .timeoutFailureInfo(let timeout) = failure.failureInfo,
                timeout.timeoutType == .scheduleToStart || timeout.timeoutType == .scheduleToClose
            {
                self = .giveUp(.timeout)
                return
            }
            guard failure.isRetryable(nonRetryableTypes: policy.nonRetryableErrorTypes) else {
                self = .giveUp(.nonRetryableFailure)
                return
            }
        }
        if policy.maximumAttempts > 0, attempt >= policy.maximumAttempts {
            self = .giveUp(.maximumAttemptsReached)
            return
        }
        guard
            let interval = Self.interval(
                policy, attempt: attempt, failure: failure, capsNextRetryDelay: capsNextRetryDelay)
        else {
            self = .giveUp(.maximumAttemptsReached)
            return
        }
        if let expiration, now + interval > expiration {
            self = .giveUp(.timeout)
            return
        }
        self = .retry(after: interval)
    }

    private static func interval(
        _ policy: Temporal_Api_Common_V1_RetryPolicy, attempt: Int32, failure: Failure?,
        capsNextRetryDelay: Bool
    ) -> Duration? {
        let longest = Duration(clamping: policy.maximumInterval)
        if let failure, case .applicationFailureInfo(let info) = failure.failureInfo,
            info.hasNextRetryDelay
        {
            let delay = max(Duration(clamping: info.nextRetryDelay), .zero)
            return capsNextRetryDelay && longest > .zero ? min(delay, longest) : delay
        }
        let initial = Double(Duration(clamping: policy.initialInterval).nanoseconds)
        var nanoseconds = initial
        let coefficient = policy.backoffCoefficient
        // Repeated multiplication instead of a power keeps the result the same on every platform.
        for _ in 1..<max(Int(attempt), 1) {
            nanoseconds *= coefficient
            if nanoseconds > Double(Duration.longest.nanoseconds) { break }
        }
        if longest > .zero, nanoseconds > Double(longest.nanoseconds) { return longest }
        guard nanoseconds > 0, nanoseconds.isFinite else { return longest > .zero ? longest : nil }
        return .nanoseconds(Int64(min(nanoseconds, Double(Duration.longest.nanoseconds))))
    }
}

extension Failure {
    /// Whether a failure of this kind may be retried at all.
    func isRetryable(nonRetryableTypes: [String]) -> Bool {
        switch self.failureInfo {
        case .terminatedFailureInfo, .canceledFailureInfo:
            return false
        case .timeoutFailureInfo(let info):
            switch info.timeoutType {
            case .startToClose, .heartbeat:
                return !nonRetryableTypes.contains("TemporalTimeout:\(info.timeoutType.shortName)")
            case .scheduleToStart, .scheduleToClose, .unspecified, .UNRECOGNIZED:
                return false
            }
        case .serverFailureInfo(let info):
            return !info.nonRetryable
        case .applicationFailureInfo(let info):
            return !info.nonRetryable && !nonRetryableTypes.contains(info.type)
        default:
            return true
        }
    }
}

extension Temporal_Api_Common_V1_RetryPolicy {
    /// This policy with every unset field at its default.
    package var withDefaults: Self {
        var policy = self
        if Duration(clamping: policy.initialInterval) <= .zero {
            policy.initialInterval = Duration.seconds(1).proto
        }
        if policy.backoffCoefficient == 0 { policy.backoffCoefficient = 2 }
        if Duration(clamping: policy.maximumInterval) <= .zero {
            let initial = Duration(clamping: policy.initialInterval)
            policy.maximumInterval = min(initial * 100, .longest).proto
        }
        return policy
    }

    /// Why this policy cannot be used; nil if it can.
    package var flaw: String? {
        if self.maximumAttempts == 1 { return nil }
        if Duration(clamping: self.initialInterval) < .zero {
            return "InitialInterval cannot be negative on retry policy."
        }
        if self.backoffCoefficient != 0, !(self.backoffCoefficient >= 1) {
            return "BackoffCoefficient cannot be less than 1 on retry policy."
        }
        if Duration(clamping: self.maximumInterval) < .zero {
            return "MaximumInterval cannot be negative on retry policy."
        }
        if Duration(clamping: self.maximumInterval) > .zero,
            Duration(clamping: self.maximumInterval) < Duration(clamping: self.initialInterval)
        {
            return "MaximumInterval cannot be less than InitialInterval on retry policy."
        }
        if self.maximumAttempts < 0 { return "MaximumAttempts cannot be negative on retry policy." }
        for type in self.nonRetryableErrorTypes where type.hasPrefix("TemporalTimeout:") {
            let name = type.dropFirst("TemporalTimeout:".count)
            guard
                ["StartToClose", "ScheduleToStart", "ScheduleToClose", "Heartbeat"].contains(
                    String(name))
            else { return "Invalid timeout type value: \(type.prefix(100))." }
        }
        return nil
    }
}
