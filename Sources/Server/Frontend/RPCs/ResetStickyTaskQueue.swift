import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func resetStickyTaskQueue(
        _ request: ResetStickyTaskQueueRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ResetStickyTaskQueueResponse {
        try self.checkExecution(request.execution, isSet: request.hasExecution)
        try await self.send(
            .resetStickyTaskQueue(runID: RunID(request.execution.runID)),
            to: request.execution.workflowID, call)
        return ResetStickyTaskQueueResponse()
    }
}
