import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func respondActivityTaskCanceled(
        _ request: RespondActivityTaskCanceledRequest, _ token: StoredTaskToken,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondActivityTaskCanceledResponse {
        try await self.cancel(
            .token(token), details: request.hasDetails ? request.details : nil,
            worker: TaskWorker(
                identity: request.identity,
                version: request.hasWorkerVersion ? request.workerVersion : nil), call)
        return RespondActivityTaskCanceledResponse()
    }
}
