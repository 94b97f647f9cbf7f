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
}

extension StandaloneActivityState {
    /// The status as messages name it.
    var statusName: String {
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
