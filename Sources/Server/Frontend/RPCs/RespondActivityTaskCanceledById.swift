import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func respondActivityTaskCanceledById(
        _ request: RespondActivityTaskCanceledByIdRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondActivityTaskCanceledByIdResponse {
        let activity = try self.activity(
            workflowID: request.workflowID, runID: request.runID, activityID: request.activityID)
        try await self.cancel(
            activity, details: request.hasDetails ? request.details : nil,
            worker: TaskWorker(identity: request.identity), call)
        return RespondActivityTaskCanceledByIdResponse()
    }
}
