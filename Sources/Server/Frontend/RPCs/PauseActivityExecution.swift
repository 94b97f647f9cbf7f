import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func pauseActivityExecution(
        _ request: PauseActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> PauseActivityExecutionResponse {
        try self.checkActivityOperation(
            workflowID: request.workflowID, activityID: request.activityID, runID: request.runID,
            identity: request.identity, requestID: request.requestID)
        try self.checkReason(request.reason)
        try await self.change(
            .id(request.activityID),
            of: WorkflowExecution(workflowID: request.workflowID, runID: request.runID),
            .pause(
                identity: request.identity, reason: request.reason,
                requestID: request.requestID.isEmpty ? self.uuid() : request.requestID), call)
        return PauseActivityExecutionResponse()
    }
}
