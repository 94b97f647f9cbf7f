import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func respondQueryTaskCompleted(
        _ request: RespondQueryTaskCompletedRequest, _ token: StoredQueryToken,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondQueryTaskCompletedResponse {
        var request = request
        if self.isTooLarge(request.queryResult) {
            request.completedType = .failed
            request.clearQueryResult()
            request.errorMessage = ServiceError.blobTooLarge.message
        }
        if PayloadSize.ofMessage(request.failure) > self.settings.blobSizeErrorMax {
            request.failure = ServerFailure.replacing(request.failure)
        }
        try await self.matching.respondQueryTaskCompleted(token, request)
        return RespondQueryTaskCompletedResponse()
    }
}
