import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    mutating func respondCanceled(
        _ reference: ActivityReference, _ details: Payloads?, _ worker: TaskWorker, _ call: Call,
        _ effects: inout [Effect]
    ) {
        self.respond(reference, call, &effects) { transition, activity throws(ServiceError) in
            guard activity.cancelRequested else { throw .cancelNotRequested }
            transition.cancelActivity(activity, details: details, by: worker)
        }
    }
}

extension ServiceError {
    static let cancelNotRequested = invalidArgument(
        "unable to mark activity as canceled without activity being request canceled first")
}
