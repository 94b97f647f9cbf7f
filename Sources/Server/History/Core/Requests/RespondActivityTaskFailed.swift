import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    mutating func respondFailed(
        _ reference: ActivityReference, _ failure: Failure?, _ details: Payloads?,
        _ worker: TaskWorker, _ call: Call, _ effects: inout [Effect]
    ) {
        self.respond(reference, call, &effects) { transition, activity throws(ServiceError) in
            var activity = activity
            if let details {
                activity.lastHeartbeatDetails = details
                activity.lastHeartbeatAt = transition.now.nanoseconds
            }
            let state = transition.retryActivity(
                activity, after: failure, workerIdentity: worker.identity)
            if state != .inProgress {
                transition.failActivity(
                    activity, failure: failure, retryState: state, by: worker)
            }
        }
    }
}
