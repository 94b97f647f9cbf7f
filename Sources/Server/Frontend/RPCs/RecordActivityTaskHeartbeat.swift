import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func recordActivityTaskHeartbeat(
        _ request: RecordActivityTaskHeartbeatRequest, _ token: StoredTaskToken,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> RecordActivityTaskHeartbeatResponse {
        try await self.heartbeat(
            .token(token), details: request.hasDetails ? request.details : nil,
            identity: request.identity, call)
    }
}
