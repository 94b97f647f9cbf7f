import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func requestCancelActivityExecution(
        _ request: RequestCancelActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> RequestCancelActivityExecutionResponse {
        var request = request
        try self.checkActivityEnd(
            request.activityID, runID: request.runID, identity: request.identity,
            requestID: &request.requestID, reason: request.reason)
        try await self.send(
            .standaloneActivity(.requestCancel(request)), to: request.activityID, of: .activity,
            call)
        return RequestCancelActivityExecutionResponse()
    }
}
