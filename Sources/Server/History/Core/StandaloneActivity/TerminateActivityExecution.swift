import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Ends an activity at once; its worker hears of it with its next heartbeat.
    mutating func terminateActivity(
        _ request: Temporal_Api_Workflowservice_V1_TerminateActivityExecutionRequest,
        _ call: Call, _ effects: inout [Effect]
    ) {
        guard let activity = self.activity(RunID(request.runID), for: call, &effects) else {
            return
        }
        let state = activity.state, key = state.key
        guard state.isRunning else {
            let earlier = state.info.terminateRequestID
            if state.info.status == .terminated, earlier == request.requestID {
                return self.reply(call.id, .done, seeing: key, &effects)
            }
            let text =
                state.info.status == .terminated
                ? "already terminated with request ID \(earlier)"
                : "invalid transition from \(state.statusName)"
            return self.refuse(
                call.id, ServiceError(.failedPrecondition, text), seeing: key, &effects)
        }
        var transition = self.transition(of: state)
        transition.terminate(
            reason: request.reason, identity: request.identity, requestID: request.requestID)
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }
}
