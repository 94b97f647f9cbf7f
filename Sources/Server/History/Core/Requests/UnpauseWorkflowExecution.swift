import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Lets a paused run go on.
    mutating func unpause(
        _ request: Temporal_Api_Workflowservice_V1_UnpauseWorkflowExecutionRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(RunID(request.runID), for: call, &effects) else { return }
        let key = run.state.key
        guard run.state.isPaused else {
            let error = ServiceError(.failedPrecondition, "workflow is not paused.")
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        transition.unpause(request)
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }
}

extension Transition {
    /// Hands out what had to wait, and lets the worker know what happened meanwhile.
    mutating func unpause(
        _ request: Temporal_Api_Workflowservice_V1_UnpauseWorkflowExecutionRequest
    ) {
        self.append(
            .workflowExecutionUnpaused,
            .workflowExecutionUnpausedEventAttributes(
                .with {
                    $0.identity = request.identity
                    $0.reason = request.reason
                    $0.requestID = request.requestID
                })
        ) { $0.workerMayIgnore = true }
        let waiting = self.state.activities.values.filter { !$0.isStarted && !$0.hasPause }
            .sorted { $0.scheduledEventID < $1.scheduledEventID }
        for activity in waiting {
            // One that backs off comes when its time is up.
            if activity.backingOff, activity.scheduledAt > self.now.nanoseconds { continue }
            var activity = activity
            activity.stamp += 1
            activity.backingOff = false
            self.put(activity)
            self.dispatch(activity)
        }
        self.needsWorkflowTask = true
    }
}
