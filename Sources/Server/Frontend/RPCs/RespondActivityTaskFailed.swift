import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func respondActivityTaskFailed(
        _ request: RespondActivityTaskFailedRequest, _ token: StoredTaskToken,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondActivityTaskFailedResponse {
        let cut = try await self.fail(
            .token(token), failure: request.hasFailure ? request.failure : nil,
            lastHeartbeatDetails: request.hasLastHeartbeatDetails
                ? request.lastHeartbeatDetails : nil,
            worker: TaskWorker(
                identity: request.identity,
                version: request.hasWorkerVersion ? request.workerVersion : nil), call)
        return .with { $0.failures = cut }
    }
}
