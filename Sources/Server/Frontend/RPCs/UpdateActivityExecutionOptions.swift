import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func updateActivityExecutionOptions(
        _ request: UpdateActivityExecutionOptionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> UpdateActivityExecutionOptionsResponse {
        try self.checkActivityOperation(
            workflowID: request.workflowID, activityID: request.activityID, runID: request.runID,
            identity: request.identity, requestID: request.requestID)
        let update = ActivityOptionsUpdate(
            options: request.hasActivityOptions ? request.activityOptions : nil,
            mask: request.hasUpdateMask ? request.updateMask : nil,
            restoresOriginal: request.restoreOriginal)
        let options = try await self.change(
            .id(request.activityID),
            of: WorkflowExecution(workflowID: request.workflowID, runID: request.runID),
            try update.change(self), call)
        return .with { $0.activityOptions = options }
    }
}
