import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    mutating func respondFailed(
        _ reference: ActivityReference, _ failure: Failure?, _ details: Payloads?,
        _ identity: String, _ call: Call, _ effects: inout [Effect]
    ) {
        self.respond(reference, call, &effects) { transition, activity throws(ServiceError) in
            var activity = activity
            if let details {
                activity.lastHeartbeatDetails = details
                activity.lastHeartbeatAt = transition.now.nanoseconds
            }
            let state = transition.retryActivity(activity, after: failure, workerIdentity: identity)
            if state != .inProgress {
                transition.failActivity(
                    activity, failure: failure, retryState: state, identity: identity)
            }
        }
    }
}
