import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    mutating func respondCompleted(
        _ reference: ActivityReference, _ result: Payloads?, _ worker: TaskWorker, _ call: Call,
        _ effects: inout [Effect]
    ) {
        self.respond(reference, completer: worker.identity, call, &effects) {
            transition, activity throws(ServiceError) in
            transition.completeActivity(activity, result: result, by: worker)
        }
    }
}
