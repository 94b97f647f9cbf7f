import TemporalAPI

extension Temporal_Api_Common_V1_Priority {
    /// What is wrong with it, in Temporal's words; nil if nothing is.
    package var flaw: String? {
        if self.priorityKey < 0 { return "priority key can't be negative" }
        if self.fairnessKey.utf8.count > 64 { return "fairness key length exceeds limit" }
        return self.fairnessWeight < 0 ? "must be greater than zero" : nil
    }
}
