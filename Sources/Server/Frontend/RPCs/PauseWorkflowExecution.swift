import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func pauseWorkflowExecution(
        _ request: PauseWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> PauseWorkflowExecutionResponse {
        guard self.settings.enableWorkflowPause else {
            throw ServiceError(
                .unimplemented,
                "workflow pause is not enabled for namespace: \(call.namespace.name)")
        }
        try self.checkPause(
            request.workflowID, request.runID, reason: request.reason,
            requestID: request.requestID, identity: request.identity)
        try await self.send(.pause(request), to: request.workflowID, call)
        return PauseWorkflowExecutionResponse()
    }

    func checkPause(
        _ workflowID: String, _ runID: String, reason: String, requestID: String, identity: String
    ) throws(ServiceError) {
        try self.checkWorkflowID(workflowID)
        try self.checkRunID(runID)
        let lengthMax = self.settings.idLengthMax
        guard reason.utf8.count <= lengthMax else { throw .invalidArgument("reason is too long.") }
        guard requestID.utf8.count <= lengthMax else {
            throw .invalidArgument("request id is too long.")
        }
        guard identity.utf8.count <= lengthMax else {
            throw .invalidArgument("identity is too long.")
        }
    }
}
