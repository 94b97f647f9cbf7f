import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func recordActivityTaskHeartbeatById(
        _ request: RecordActivityTaskHeartbeatByIdRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> RecordActivityTaskHeartbeatByIdResponse {
        let activity = try self.activity(
            workflowID: request.workflowID, runID: request.runID, activityID: request.activityID)
        let response = try await self.heartbeat(
            activity, details: request.hasDetails ? request.details : nil,
            identity: request.identity, call)
        return .with {
            $0.cancelRequested = response.cancelRequested
            $0.activityPaused = response.activityPaused
            $0.activityReset = response.activityReset
        }
    }
}
