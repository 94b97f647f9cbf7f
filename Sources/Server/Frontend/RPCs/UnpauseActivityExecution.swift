import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func unpauseActivityExecution(
        _ request: UnpauseActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> UnpauseActivityExecutionResponse {
        try self.checkActivityOperation(
            workflowID: request.workflowID, activityID: request.activityID, runID: request.runID,
            identity: request.identity, requestID: request.requestID)
        try await self.change(
            .id(request.activityID),
            of: WorkflowExecution(workflowID: request.workflowID, runID: request.runID),
            .unpause(
                resetsAttempts: false, resetsHeartbeat: false,
                jitter: try self.jitter(request.jitter)), call)
        return UnpauseActivityExecutionResponse()
    }
}
