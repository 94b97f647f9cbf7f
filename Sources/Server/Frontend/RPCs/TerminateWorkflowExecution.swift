import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func terminateWorkflowExecution(
        _ request: TerminateWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> TerminateWorkflowExecutionResponse {
        try self.checkExecution(request.workflowExecution, isSet: request.hasWorkflowExecution)
        try self.checkIdentity(request.identity)
        try self.checkReason(request.reason)
        try self.checkLinks(request.links)
        try self.checkBlob(request.details)
        var request = request
        // Tells a user's termination from one of the server's own in the history.
        if request.reason.isEmpty { request.reason = "terminated by user via frontend" }
        if request.identity.isEmpty { request.identity = "frontend-service" }
        try await self.send(.terminate(request), to: request.workflowExecution.workflowID, call)
        return TerminateWorkflowExecutionResponse()
    }
}
