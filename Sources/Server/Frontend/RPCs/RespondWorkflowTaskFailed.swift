import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func respondWorkflowTaskFailed(
        _ request: RespondWorkflowTaskFailedRequest, _ token: StoredTaskToken,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondWorkflowTaskFailedResponse {
        try self.checkIdentity(request.identity)
        var request = request
        if PayloadSize.ofMessage(request.failure) > self.settings.blobSizeErrorMax {
            request.failure = ServerFailure.replacing(request.failure)
        }
        try await self.send(
            .respondWorkflowTaskFailed(token, request), to: token.workflowID, call)
        return RespondWorkflowTaskFailedResponse()
    }
}
