import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func respondActivityTaskCompletedById(
        _ request: RespondActivityTaskCompletedByIdRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondActivityTaskCompletedByIdResponse {
        let activity = try self.activity(
            workflowID: request.workflowID, runID: request.runID, activityID: request.activityID)
        try await self.complete(
            activity, result: request.hasResult ? request.result : nil,
            worker: TaskWorker(identity: request.identity), call)
        return RespondActivityTaskCompletedByIdResponse()
    }
}
