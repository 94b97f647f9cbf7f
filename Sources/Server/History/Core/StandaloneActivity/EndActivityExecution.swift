import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Asks an activity to end; the same request again changes nothing.
    mutating func requestCancelActivity(
        _ request: CancelActivityRequest, _ call: Call, _ effects: inout [Effect]
    ) {
        guard let activity = self.activity(RunID(request.runID), for: call, &effects) else {
            return
        }
        let state = activity.state, key = state.key
        let earlier = state.info.cancelRequest.requestID
        if earlier == request.requestID {
            return self.reply(call.id, .done, seeing: key, &effects)
        }
        guard state.isRunning else {
            let text = "activity is in terminal state \(state.statusName)"
            return self.refuse(
                call.id, ServiceError(.failedPrecondition, text), seeing: key, &effects)
        }
        guard !state.isCancelRequested else {
            let text = "cancellation already requested with request ID \(earlier)"
            return self.refuse(
                call.id, ServiceError(.failedPrecondition, text), seeing: key, &effects)
        }
        var transition = self.transition(of: state)
        transition.requestCancel(request)
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }

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

    /// Removes an activity; one that is running is terminated first, for those who wait for its end.
    mutating func deleteActivity(_ runID: RunID, _ call: Call, _ effects: inout [Effect]) {
        guard let activity = self.activity(runID, for: call, &effects) else { return }
        let key = activity.state.key
        if activity.state.isRunning {
            var transition = self.transition(of: activity.state)
            transition.terminate(
                reason: "Delete activity execution", identity: "", requestID: "")
            self.accept(transition, &effects)
        }
        self.removeActivity(key, &effects)
        self.hold(.reply(call.id, .success(.done)), until: self.open.id, &effects)
    }
}

extension StandaloneActivityState {
    /// The status as messages name it.
    fileprivate var statusName: String {
        switch self.info.status {
        case .unspecified, .UNRECOGNIZED: "Unspecified"
        case .running: "Running"
        case .completed: "Completed"
        case .failed: "Failed"
        case .canceled: "Canceled"
        case .terminated: "Terminated"
        case .timedOut: "TimedOut"
        case .paused: "Paused"
        }
    }
}
