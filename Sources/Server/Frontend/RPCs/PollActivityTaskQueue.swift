import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func pollActivityTaskQueue(
        _ request: PollActivityTaskQueueRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> PollActivityTaskQueueResponse {
        let deadline = try self.pollDeadline(call)
        try self.checkPolled(request.taskQueue)
        guard request.taskQueue.kind != .sticky else {
            throw .invalidArgument("activity tasks have no sticky queues")
        }
        try self.checkIdentity(request.identity)
        try self.checkIdentity(request.workerInstanceKey)
        try self.checkVersioning(
            usesVersioning: request.workerVersionCapabilities.useVersioning,
            options: request.deploymentOptions)
        let poll = TaskPoll(
            queue: TaskQueueKey(
                namespaceID: call.namespace.id, name: request.taskQueue.name, type: .activity,
                isSticky: false),
            namespace: call.namespace.reference,
            worker: TaskWorker(
                identity: request.identity, capabilities: request.workerVersionCapabilities),
            workerInstanceKey: request.workerInstanceKey, deadline: deadline,
            tasksPerSecondMax: try Self.rateLimit(request))
        do throws(ServiceError) {
            return try await self.matching.pollActivityTask(poll)
        } catch {
            guard error.kind == .cancelled else { throw error }
            // The worker has gone; nobody reads this.
            return PollActivityTaskQueueResponse()
        }
    }

    /// The rate this worker wants the whole queue limited to.
    private static func rateLimit(
        _ request: PollActivityTaskQueueRequest
    ) throws(ServiceError) -> Double? {
        guard request.taskQueueMetadata.hasMaxTasksPerSecond else { return nil }
        let rate = request.taskQueueMetadata.maxTasksPerSecond.value
        guard rate.isFinite, rate >= 0 else {
            throw .invalidArgument("MaxTasksPerSecond must be a number of at least 0.")
        }
        return rate
    }
}
