import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    /// Removes an activity; one that is running is terminated first.
    func deleteActivityExecution(
        _ request: DeleteActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> DeleteActivityExecutionResponse {
        try self.checkStandaloneActivities()
        try self.checkNamedActivity(request.activityID, runID: request.runID, identity: "")
        try await self.send(
            .standaloneActivity(.delete(runID: RunID(request.runID))), to: request.activityID,
            of: .activity, call)
        return DeleteActivityExecutionResponse()
    }
}
