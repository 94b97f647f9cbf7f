import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func terminateActivityExecution(
        _ request: TerminateActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> TerminateActivityExecutionResponse {
        var request = request
        try self.checkActivityEnd(
            request.activityID, runID: request.runID, identity: request.identity,
            requestID: &request.requestID, reason: request.reason)
        try await self.send(
            .standaloneActivity(.terminate(request)), to: request.activityID, of: .activity, call)
        return TerminateActivityExecutionResponse()
    }
}
