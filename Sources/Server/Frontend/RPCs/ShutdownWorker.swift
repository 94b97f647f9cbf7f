import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    /// The worker's own queue goes away, so that its tasks go back to where anyone takes them.
    func shutdownWorker(
        _ request: ShutdownWorkerRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ShutdownWorkerResponse {
        try self.checkIdentity(request.identity)
        guard !request.stickyTaskQueue.isEmpty else { return ShutdownWorkerResponse() }
        try self.checkTaskQueueName(request.stickyTaskQueue)
        try await self.matching.unloadStickyQueue(
            TaskQueueKey(
                namespaceID: call.namespace.id, name: request.stickyTaskQueue, type: .workflow,
                isSticky: true))
        return ShutdownWorkerResponse()
    }
}
