import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    /// Removes a run; one that is open is terminated first.
    func deleteWorkflowExecution(
        _ request: DeleteWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> DeleteWorkflowExecutionResponse {
        try self.checkExecution(request.workflowExecution, isSet: request.hasWorkflowExecution)
        try await self.send(
            .delete(runID: RunID(request.workflowExecution.runID)),
            to: request.workflowExecution.workflowID, call)
        return DeleteWorkflowExecutionResponse()
    }
}
