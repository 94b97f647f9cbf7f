import TemporalAPI

/// What the activities of workflows and those of their own have in common, before their timeouts.
package struct ActivityRules {
    private let idLengthMax: Int

    /// `idLengthMax` in bytes.
    package init(idLengthMax: Int) { self.idLengthMax = idLengthMax }

    /// What is wrong with an activity, in Temporal's words and order; nil if nothing is.
    package func flaw(
        id: String, type: String, _ retryPolicy: Temporal_Api_Common_V1_RetryPolicy,
        _ priority: Temporal_Api_Common_V1_Priority
    ) -> String? {
        if id.isEmpty { return "activityId is not set" }
        if type.isEmpty { return "activityType is not set" }
        if let flaw = retryPolicy.flaw { return flaw }
        for (name, text) in [("activityId", id), ("activityType", type)] {
            let length = text.utf8.count
            guard length <= self.idLengthMax else {
                return "\(name) exceeds length limit. Length=\(length) Limit=\(self.idLengthMax)"
            }
        }
        return priority.flaw.map { "invalid priorities: \($0)" }
    }
}
