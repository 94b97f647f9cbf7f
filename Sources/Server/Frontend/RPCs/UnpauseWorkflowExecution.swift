import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    /// A run that was paused can be unpaused even if pausing is no longer enabled.
    func unpauseWorkflowExecution(
        _ request: UnpauseWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> UnpauseWorkflowExecutionResponse {
        try self.checkPause(
            request.workflowID, request.runID, reason: request.reason,
            requestID: request.requestID, identity: request.identity)
        try await self.send(.unpause(request), to: request.workflowID, call)
        return UnpauseWorkflowExecutionResponse()
    }
}
