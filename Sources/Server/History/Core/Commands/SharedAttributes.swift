import DynamicConfig
import Primitives
import ServiceClients
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

    /// A flaw of the search attributes of a command, in the words for its type.
    func failure(_ flaw: CompletionFlaw, of command: Command) -> CommandFailure {
        guard flaw.cause == .badSearchAttributes else { return CommandFailure(flaw) }
        let words: String
        switch command.attributes {
        case .continueAsNewWorkflowExecutionCommandAttributes(let next):
            let info = self.state.info
            let type = next.workflowType.name.isEmpty ? info.workflowType : next.workflowType.name
            let queue = next.taskQueue.name.isEmpty ? info.taskQueue : next.taskQueue.name
            words =
                "invalid SearchAttributes on ContinueAsNewWorkflowExecutionCommand: \(flaw.message). WorkflowType=\(type) TaskQueue=\(queue)"
        case .startChildWorkflowExecutionCommandAttributes(let child):
            words =
                "invalid SearchAttributes on StartChildWorkflowCommand: \(flaw.message). WorkflowId=\(child.workflowID) WorkflowType=\(child.workflowType.name) Namespace=\(child.namespace)"
        default:
            return CommandFailure(flaw)
        }
        return CommandFailure(flaw.cause, words, terminatesRun: flaw.terminatesRun)
    }

    /// Fails if a command goes to another task queue with the build of this run, which only workers
    /// of this run's queue have.
    func checkBuild(
        isKept: Bool, on taskQueue: String, _ what: String, _ cause: WorkflowTaskFailedCause
    ) throws(CommandFailure) {
        guard isKept, taskQueue != self.state.info.taskQueue else { return }
        throw CommandFailure(
            cause, "\(what) with UseCompatibleVersion cannot run on different task queue.")
    }
}
