import SwiftProtobuf
import TemporalAPI

extension Temporal_Api_Common_V1_RetryPolicy {
    /// This policy with every unset field at its default.
    package var withDefaults: Self {
        var policy = self
        if Duration(clamping: policy.initialInterval) == .zero {
            policy.initialInterval = Duration.seconds(1).proto
        }
        if policy.backoffCoefficient == 0 { policy.backoffCoefficient = 2 }
        if Duration(clamping: policy.maximumInterval) == .zero {
            let initial = Duration(clamping: policy.initialInterval)
            policy.maximumInterval = min(initial * 100, .longest).proto
        }
        return policy
    }

    /// Why this policy cannot be used; nil if it can.
    package var flaw: String? {
        // A single attempt is never repeated, so how it would be is nobody's concern.
        if self.maximumAttempts == 1 { return nil }
        if let flaw = durationFlaw(self.initialInterval) {
            return "invalid InitialInterval set on retry policy: \(flaw)"
        }
        let initial = Duration(clamping: self.initialInterval)
        if self.backoffCoefficient != 0,
            !(self.backoffCoefficient >= 1 && self.backoffCoefficient.isFinite)
        {
            return "BackoffCoefficient cannot be less than 1 on retry policy."
        }
        if let flaw = durationFlaw(self.maximumInterval) {
            return "invalid MaximumInterval set on retry policy: \(flaw)"
        }
        let longest = Duration(clamping: self.maximumInterval)
        if longest > .zero, longest < (initial == .zero ? .seconds(1) : initial) {
            return "MaximumInterval cannot be less than InitialInterval on retry policy."
        }
        if self.maximumAttempts < 0 { return "MaximumAttempts cannot be negative on retry policy." }
        let prefix = "TemporalTimeout:"
        let known = ["StartToClose", "ScheduleToStart", "ScheduleToClose", "Heartbeat"]
        for type in self.nonRetryableErrorTypes where type.hasPrefix(prefix) {
            let timeout = type.dropFirst(prefix.count)
            guard known.contains(where: { $0 == timeout }) else {
                return "Invalid timeout type value: \(timeout.prefix(100))."
            }
        }
        return nil
    }
}
