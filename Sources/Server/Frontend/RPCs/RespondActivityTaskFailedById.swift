import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func respondActivityTaskFailedById(
        _ request: RespondActivityTaskFailedByIdRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondActivityTaskFailedByIdResponse {
        let activity = try self.activity(
            workflowID: request.workflowID, runID: request.runID, activityID: request.activityID)
        let cut = try await self.fail(
            activity, failure: request.hasFailure ? request.failure : nil,
            lastHeartbeatDetails: request.hasLastHeartbeatDetails
                ? request.lastHeartbeatDetails : nil,
            worker: TaskWorker(identity: request.identity), call)
        return .with { $0.failures = cut }
    }
}
