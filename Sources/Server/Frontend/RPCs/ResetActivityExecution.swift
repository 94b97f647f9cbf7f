import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func resetActivityExecution(
        _ request: ResetActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ResetActivityExecutionResponse {
        try self.checkActivityOperation(
            workflowID: request.workflowID, activityID: request.activityID, runID: request.runID,
            identity: request.identity, requestID: request.requestID)
        try await self.change(
            .id(request.activityID),
            of: WorkflowExecution(workflowID: request.workflowID, runID: request.runID),
            .reset(
                resetsHeartbeat: request.resetHeartbeat, keepsPaused: request.keepPaused,
                restoresOptions: request.restoreOriginalOptions,
                jitter: try self.jitter(request.jitter)), call)
        return ResetActivityExecutionResponse()
    }
}
