import Primitives
import TemporalAPI

/// How the other services reach matching.
package protocol MatchingClient: Sendable {
    /// Hands a workflow task over. Returns once the task was started by a poll or is durable in
    /// the backlog.
    /// - Throws: ``ServiceError/Kind/stickyWorkerUnavailable`` if the queue is sticky and nobody
    ///   polled it for 10 seconds; otherwise retryable errors only.
    func addWorkflowTask(_ task: TaskDispatch) async throws(ServiceError)

    /// Hands an activity task over; as ``addWorkflowTask(_:)``.
    func addActivityTask(_ task: TaskDispatch) async throws(ServiceError)

    /// Waits for a workflow task or a query; an empty response if there was none until the deadline.
    ///
    /// Cancelling the calling task withdraws the poll before a task is handed to it.
    func pollWorkflowTask(
        _ poll: TaskPoll
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse

    /// Waits for an activity task; as ``pollWorkflowTask(_:)``.
    func pollActivityTask(
        _ poll: TaskPoll
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse

    /// Gives a query to a worker and waits for its answer.
    /// - Throws: ``ServiceError/Kind/stickyWorkerUnavailable``,
    ///   ``ServiceError/Kind/deadlineExceeded``, ``ServiceError/Kind/queryFailed(_:)``,
    ///   `failedPrecondition` if no poller was seen recently.
    func query(
        _ query: QueryDispatch
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_QueryWorkflowResponse

    /// A worker's answer to a query task.
    /// - Throws: `notFound` if nobody waits for it any more.
    func respondQueryTaskCompleted(
        _ token: StoredQueryToken,
        _ request: Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest
    ) async throws(ServiceError)

    /// Who polled a queue lately, and how much waits in it.
    func describeTaskQueue(_ queue: TaskQueueKey) async throws(ServiceError) -> TaskQueueDescription

    /// A worker shuts down: its sticky queue's tasks go back to their normal queues at once.
    func unloadStickyQueue(_ queue: TaskQueueKey) async throws(ServiceError)
}

/// A task on its way to a worker.
package struct TaskDispatch: Sendable, Hashable {
    package let queue: TaskQueueKey
    package let run: WorkflowKey
    package let namespace: NamespaceReference
    package let scheduledEventID: Int64
    package let stamp: Int32
    /// After this time nobody wants the task any more; nil is never.
    package let expiresAt: Timestamp?
    /// 1 is first; 0 is the default, 3.
    package let priorityKey: Int32

    package init(
        queue: TaskQueueKey, run: WorkflowKey, namespace: NamespaceReference,
        scheduledEventID: Int64, stamp: Int32, expiresAt: Timestamp?, priorityKey: Int32
    ) {
        self.queue = queue
        self.run = run
        self.namespace = namespace
        self.scheduledEventID = scheduledEventID
        self.stamp = stamp
        self.expiresAt = expiresAt
        self.priorityKey = priorityKey
    }
}

/// A worker waiting for a task.
package struct TaskPoll: Sendable {
    package let queue: TaskQueueKey
    package let namespace: NamespaceReference
    package let worker: TaskWorker
    package let workerInstanceKey: String
    /// When to answer with nothing.
    package let deadline: Timestamp
    /// The worker's own limit on this queue's rate; activities only.
    package let tasksPerSecondMax: Double?

    package init(
        queue: TaskQueueKey, namespace: NamespaceReference, worker: TaskWorker,
        workerInstanceKey: String, deadline: Timestamp, tasksPerSecondMax: Double?
    ) {
        self.queue = queue
        self.namespace = namespace
        self.worker = worker
        self.workerInstanceKey = workerInstanceKey
        self.deadline = deadline
        self.tasksPerSecondMax = tasksPerSecondMax
    }
}

/// A query on its way to a worker.
package struct QueryDispatch: Sendable {
    package let queue: TaskQueueKey
    package let namespace: NamespaceReference
    package let deadline: Timestamp
    /// What the worker gets; matching adds the task token.
    package let task: Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse

    package init(
        queue: TaskQueueKey, namespace: NamespaceReference, deadline: Timestamp,
        task: Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse
    ) {
        self.queue = queue
        self.namespace = namespace
        self.deadline = deadline
        self.task = task
    }
}

package struct TaskQueueDescription: Sendable, Equatable {
    package struct Poller: Sendable, Equatable {
        package let identity: String
        package let lastAccessAt: Timestamp
        package let tasksPerSecondMax: Double

        package init(identity: String, lastAccessAt: Timestamp, tasksPerSecondMax: Double) {
            self.identity = identity
            self.lastAccessAt = lastAccessAt
            self.tasksPerSecondMax = tasksPerSecondMax
        }
    }
    /// Newest first.
    package let pollers: [Poller]
    package let backlogCount: Int64
    package let readLevel: Int64
    package let ackLevel: Int64

    package init(pollers: [Poller], backlogCount: Int64, readLevel: Int64, ackLevel: Int64) {
        self.pollers = pollers
        self.backlogCount = backlogCount
        self.readLevel = readLevel
        self.ackLevel = ackLevel
    }
}
