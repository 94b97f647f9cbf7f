import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    mutating func recordHeartbeat(
        _ reference: ActivityReference, _ details: Payloads?, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let (run, found) = self.startedActivity(reference, call, &effects) else { return }
        var activity = found
        activity.lastHeartbeatAt = self.now.nanoseconds
        // A heartbeat without details takes back those of the one before.
        if let details {
            activity.lastHeartbeatDetails = details
        } else {
            activity.clearLastHeartbeatDetails()
        }
        var transition = self.transition(of: run)
        transition.put(activity)
        self.accept(transition, &effects)
        let response =
            Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatResponse.with {
                $0.cancelRequested = activity.cancelRequested
                $0.activityPaused = activity.hasPause
                $0.activityReset = activity.resetRequested
            }
        self.reply(call.id, .activityHeartbeat(response), seeing: run.state.key, &effects)
    }
}
