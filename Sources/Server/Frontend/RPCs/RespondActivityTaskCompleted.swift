import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func respondActivityTaskCompleted(
        _ request: RespondActivityTaskCompletedRequest, _ token: StoredTaskToken,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondActivityTaskCompletedResponse {
        try await self.complete(
            .token(token), result: request.hasResult ? request.result : nil,
            worker: TaskWorker(
                identity: request.identity,
                version: request.hasWorkerVersion ? request.workerVersion : nil), call)
        return RespondActivityTaskCompletedResponse()
    }
}
