import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Stops a run from being worked on; the same request again changes nothing.
    mutating func pause(
        _ request: Temporal_Api_Workflowservice_V1_PauseWorkflowExecutionRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(RunID(request.runID), for: call, &effects) else { return }
        if run.state.isPaused, run.state.info.pause.requestID != request.requestID {
            let error = ServiceError(.failedPrecondition, "workflow is already paused.")
            return self.refuse(call.id, error, seeing: run.state.key, &effects)
        }
        if !run.state.isPaused {
            var transition = self.transition(of: run)
            transition.pause(request)
            self.accept(transition, &effects)
        }
        self.reply(call.id, .done, seeing: run.state.key, &effects)
    }
}

extension Transition {
    /// What workers have, they may finish; what waits for one is called back.
    mutating func pause(
        _ request: Temporal_Api_Workflowservice_V1_PauseWorkflowExecutionRequest
    ) {
        if self.state.hasWorkflowTask, !self.state.hasStartedWorkflowTask {
            self.failWorkflowTask(
                .workflowPauseRequestedBeforeTaskStarted, failure: nil,
                identity: historyServiceIdentity, reschedules: false)
            self.state.info.clearLastWorkflowTaskFailure()
        }
        for activity in self.state.activities.values where !activity.isStarted {
            var activity = activity
            activity.stamp += 1
            self.put(activity)
        }
        self.append(
            .workflowExecutionPaused,
            .workflowExecutionPausedEventAttributes(
                .with {
                    $0.identity = request.identity
                    $0.reason = request.reason
                    $0.requestID = request.requestID
                })
        ) { $0.workerMayIgnore = true }
    }
}
