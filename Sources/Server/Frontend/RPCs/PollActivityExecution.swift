import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    /// Waits for an activity's outcome; an empty answer invites the caller to ask again.
    func pollActivityExecution(
        _ request: PollActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> PollActivityExecutionResponse {
        try self.checkStandaloneActivities()
        try self.checkNamedActivity(request.activityID, runID: request.runID, identity: "")
        return try await self.send(
            .standaloneActivity(.poll(request)), to: request.activityID, of: .activity, call
        ) { reply -> PollActivityExecutionResponse? in
            if case .standaloneActivity(.polled(let response)) = reply { response } else { nil }
        }
    }
}
