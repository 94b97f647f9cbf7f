import DynamicConfig
import Primitives
import TemporalAPI

// What several commands may carry.

extension Transition {
    /// What is wrong with the task queue a command names; nil if nothing is.
    func flaw(ofTaskQueue name: String) -> String? {
        if name.utf8.count > self.settings.idLengthMax {
            return "taskQueue length exceeds limit"
        }
        if name.hasPrefix("/_sys/") {
            return "task queue name cannot start with reserved prefix /_sys/"
        }
        // The server's own workflows, which are on it, may go on there.
        if name == systemTaskQueueName, self.state.info.taskQueue != name {
            return "cannot use internal per-namespace task queue"
        }
        return nil
    }
}

extension Temporal_Api_Common_V1_Priority {
    /// What is wrong with it, in Temporal's words; nil if nothing is.
    var flaw: String? {
        if self.priorityKey < 0 { return "priority key can't be negative" }
        if self.fairnessKey.utf8.count > 64 { return "fairness key length exceeds limit" }
        return self.fairnessWeight < 0 ? "fairness weight can't be negative" : nil
    }
}
