import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func requestCancelWorkflowExecution(
        _ request: RequestCancelWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> RequestCancelWorkflowExecutionResponse {
        try self.checkExecution(request.workflowExecution, isSet: request.hasWorkflowExecution)
        try self.checkRequestID(request.requestID)
        try self.checkIdentity(request.identity)
        try self.checkReason(request.reason)
        try self.checkLinks(request.links)
        try await self.send(
            .requestCancel(request), to: request.workflowExecution.workflowID, call)
        return RequestCancelWorkflowExecutionResponse()
    }
}
