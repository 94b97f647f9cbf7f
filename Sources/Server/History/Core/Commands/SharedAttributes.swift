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
