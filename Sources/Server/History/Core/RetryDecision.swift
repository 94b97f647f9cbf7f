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
        if let failure, let state = Self.end(after: failure, policy) {
            self = .giveUp(state)
            return
        }
        if policy.maximumAttempts > 0, attempt >= policy.maximumAttempts {
            self = .giveUp(.maximumAttemptsReached)
            return
        }
        guard
            let interval = Self.interval(
                policy, attempt: attempt, failure: failure, capsNextRetryDelay: capsNextRetryDelay)
        else {
            self = .giveUp(.timeout)
            return
        }
        if let expiration, now + interval > expiration {
            self = .giveUp(.timeout)
            return
        }
        self = .retry(after: interval)
    }

    /// Why a failure of this kind is never followed by another attempt; nil if it may be.
    static func end(
        after failure: Failure, _ policy: Temporal_Api_Common_V1_RetryPolicy
    ) -> RetryState? {
        if case .timeoutFailureInfo(let timeout) = failure.failureInfo,
            timeout.timeoutType == .scheduleToStart || timeout.timeoutType == .scheduleToClose
        {
            return .timeout
        }
        return failure.isRetryable(nonRetryableTypes: policy.nonRetryableErrorTypes)
            ? nil : .nonRetryableFailure
    }

    private static func interval(
        _ policy: Temporal_Api_Common_V1_RetryPolicy, attempt: Int32, failure: Failure?,
        capsNextRetryDelay: Bool
    ) -> Duration? {
        let longest = Duration(clamping: policy.maximumInterval)
        if let failure, case .applicationFailureInfo(let info) = failure.failureInfo,
            info.hasNextRetryDelay
        {
            let delay = Duration(clamping: info.nextRetryDelay)
            guard capsNextRetryDelay, longest > .zero else { return delay > .zero ? delay : nil }
            return delay > .zero ? min(delay, longest) : longest
        }
        return self.interval(policy, attempt: attempt)
    }

    /// How long the policy waits after a failed attempt; nil if it says nothing usable.
    static func interval(
        _ policy: Temporal_Api_Common_V1_RetryPolicy, attempt: Int32
    ) -> Duration? {
        let longest = Duration(clamping: policy.maximumInterval)
        var nanoseconds = Double(Duration(clamping: policy.initialInterval).nanoseconds)
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
