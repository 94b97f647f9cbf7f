import MatchingCore
import Primitives
import ServiceClients

extension HistoryRequest {
    /// Asks history to record that a poll takes a task.
    init(_ start: TaskStart, type: TaskQueueType) {
        let operation: HistoryOperation
        switch type {
        case .workflow:
            operation = .recordWorkflowTaskStarted(
                WorkflowTaskStart(
                    runID: start.task.run.runID, scheduledEventID: start.task.scheduledEventID,
                    stamp: start.task.stamp, requestID: start.requestID,
                    worker: start.worker, taskQueue: start.queue))
        case .activity:
            operation = .recordActivityTaskStarted(
                ActivityTaskStart(
                    runID: start.task.run.runID, scheduledEventID: start.task.scheduledEventID,
                    stamp: start.task.stamp, requestID: start.requestID,
                    worker: start.worker))
        }
        self.init(
            archetype: start.task.run.archetype, namespace: start.namespace,
            workflowID: start.task.run.workflowID, deadline: nil, operation: operation)
    }
}

extension StartedTask {
    /// The task in history's reply; nil if the reply is to something else.
    init?(_ reply: HistoryReply) {
        switch reply {
        case .workflowTaskStarted(let response): self = .workflow(response)
        case .activityTaskStarted(let response): self = .activity(response)
        case .started, .signalWithStarted, .signaled, .optionsUpdated, .updated, .updatePolled,
            .startedAndUpdated, .described, .history,
            .queried, .workflowTaskCompleted,
            .activityHeartbeat, .activitiesChanged, .standaloneActivity, .reset, .done:
            return nil
        }
    }
}
