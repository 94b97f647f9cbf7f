import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func pollWorkflowTaskQueue(
        _ request: PollWorkflowTaskQueueRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> PollWorkflowTaskQueueResponse {
        let deadline = try self.pollDeadline(call)
        try self.checkIdentity(request.identity)
        try self.checkIdentity(request.workerInstanceKey)
        try self.checkVersioning(
            usesVersioning: request.workerVersionCapabilities.useVersioning,
            options: request.deploymentOptions)
        try self.checkPolled(request.taskQueue)
        try self.checkBinary(request.binaryChecksum, call.namespace)
        let poll = TaskPoll(
            queue: TaskQueueKey(
                namespaceID: call.namespace.id, name: request.taskQueue.name, type: .workflow,
                isSticky: request.taskQueue.kind == .sticky),
            namespace: call.namespace.reference,
            worker: TaskWorker(
                identity: request.identity, capabilities: request.workerVersionCapabilities),
            workerInstanceKey: request.workerInstanceKey, deadline: deadline,
            tasksPerSecondMax: nil)
        do throws(ServiceError) {
            return try await self.matching.pollWorkflowTask(poll)
        } catch {
            guard error.kind == .cancelled else { throw error }
            // The worker has gone; nobody reads this.
            return PollWorkflowTaskQueueResponse()
        }
    }
}
