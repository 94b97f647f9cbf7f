import DynamicConfig
import Logging
import MatchingCore
import Persistence
import Primitives
import ServiceClients
import Synchronization
import TemporalAPI

/// The matching service of a node: the task queues that are in use here.
package final class MatchingHost: MatchingClient {
    private struct State {
        var partitions: [TaskQueueKey: PartitionHost] = [:]
        var isStopped = false
    }

    private let environment: HostEnvironment
    private let limits: PartitionLimits
    private let partitionsMax: Int
    private let store: any TaskQueueStore
    private let history: @Sendable () -> any HistoryClient
    private let executor: @Sendable (TaskQueueKey) -> any SerialExecutor
    private let logger: Logger
    private let metrics: [TaskQueueType: PollMetrics]
    private let state = Mutex(State())

    /// A service with no task queue in memory yet.
    ///
    /// `history` is asked at each use, because history and matching know each other. `executor` is
    /// asked once for each host of a queue: what its actor runs on.
    package init(
        environment: HostEnvironment, settings: Settings, store: any TaskQueueStore,
        history: @escaping @Sendable () -> any HistoryClient,
        executor: @escaping @Sendable (TaskQueueKey) -> any SerialExecutor,
        logger: Logger = Logger(label: "matching")
    ) {
        self.environment = environment
        self.limits = PartitionLimits(settings)
        self.partitionsMax = settings.taskQueuesMax
        self.store = store
        self.history = history
        self.executor = executor
        self.logger = logger
        self.metrics = [.workflow: PollMetrics(.workflow), .activity: PollMetrics(.activity)]
    }

    /// Task queues in memory.
    package var partitionCount: Int { self.state.withLock { $0.partitions.count } }

    /// Ends the service: waiting polls come back empty, as do new ones; adds and queries are refused.
    package func shutdown() async {
        let partitions = self.state.withLock { state in
            defer { state = State(partitions: [:], isStopped: true) }
            return state.partitions
        }
        let ordered = partitions.sorted {
            ($0.key, $0.key.isSticky ? 1 : 0) < ($1.key, $1.key.isSticky ? 1 : 0)
        }
        for (_, partition) in ordered { await partition.stop() }
    }

    // MARK: MatchingClient

    package func addWorkflowTask(_ task: TaskDispatch) async throws(ServiceError) {
        try await self.add(task)
    }

    package func addActivityTask(_ task: TaskDispatch) async throws(ServiceError) {
        try await self.add(task)
    }

    package func pollWorkflowTask(
        _ poll: TaskPoll
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse {
        switch try await self.poll(poll) {
        case .nothing: return .init()
        case .query(let response), .syncMatch(.workflow(let response)),
            .backlogTask(.workflow(let response)):
            return response
        case .syncMatch(.activity), .backlogTask(.activity):
            throw ServiceError(.internalError, "an activity task in a workflow task queue")
        }
    }

    package func pollActivityTask(
        _ poll: TaskPoll
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse {
        switch try await self.poll(poll) {
        case .nothing: return .init()
        case .syncMatch(.activity(let response)), .backlogTask(.activity(let response)):
            return response
        case .query, .syncMatch(.workflow), .backlogTask(.workflow):
            throw ServiceError(.internalError, "a workflow task in an activity task queue")
        }
    }

    package func query(
        _ query: QueryDispatch
    ) async throws(ServiceError) -> Temporal_Api_Workflowservice_V1_QueryWorkflowResponse {
        while true {
            guard let partition = try self.partitionTakingWork(query.queue) else {
                throw .shuttingDown
            }
            if let reply = await partition.query(query) { return try reply.get() }
        }
    }

    package func respondQueryTaskCompleted(
        _ token: StoredQueryToken,
        _ request: Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest
    ) async throws(ServiceError) {
        for isSticky in [true, false] {
            let queue = TaskQueueKey(
                namespaceID: NamespaceID(token.namespaceID), name: token.taskQueue,
                type: .workflow, isSticky: isSticky)
            guard let partition = self.loadedPartition(queue) else { continue }
            if case .success = await partition.answerQuery(taskID: token.taskID, request) { return }
        }
        throw .queryTaskNotFound
    }

    package func describeTaskQueue(
        _ queue: TaskQueueKey
    ) async throws(ServiceError) -> TaskQueueDescription {
        while true {
            guard let partition = try self.partition(queue) else { throw .shuttingDown }
            if let description = await partition.describe() { return description }
        }
    }

    package func unloadStickyQueue(_ queue: TaskQueueKey) async throws(ServiceError) {
        await self.loadedPartition(queue)?.workerLeft()
    }

    // MARK: Partitions

    private func add(_ task: TaskDispatch) async throws(ServiceError) {
        while true {
            guard let partition = try self.partitionTakingWork(task.queue) else {
                throw .shuttingDown
            }
            if let reply = await partition.add(task) { return try reply.get() }
        }
    }

    private func poll(_ poll: TaskPoll) async throws(ServiceError) -> PollAnswer {
        while true {
            guard let partition = try self.partition(poll.queue) else { return .nothing }
            if let reply = await partition.poll(poll) { return try reply.get() }
        }
    }

    private func loadedPartition(_ queue: TaskQueueKey) -> PartitionHost? {
        self.state.withLock { $0.partitions[queue] }
    }

    /// The partition work goes to.
    ///
    /// A sticky queue that is not in memory has no worker: it would be here if somebody had polled
    /// it lately.
    private func partitionTakingWork(_ queue: TaskQueueKey) throws(ServiceError) -> PartitionHost? {
        guard queue.isSticky else { return try self.partition(queue) }
        let (partition, isStopped) = self.state.withLock { ($0.partitions[queue], $0.isStopped) }
        if partition == nil, !isStopped { throw .stickyWorkerUnavailable }
        return partition
    }

    /// The partition of `queue`, loaded if need be; nil after ``shutdown()``.
    private func partition(_ queue: TaskQueueKey) throws(ServiceError) -> PartitionHost? {
        if let partition = self.loadedPartition(queue) { return partition }
        let fresh = self.makePartition(queue)
        let outcome = self.state.withLock { state -> Result<PartitionHost?, ServiceError> in
            guard !state.isStopped else { return .success(nil) }
            if let partition = state.partitions[queue] { return .success(partition) }
            guard state.partitions.count < self.partitionsMax else {
                return .failure(.tooManyCalls("task queues"))
            }
            state.partitions[queue] = fresh
            return .success(fresh)
        }
        return try outcome.get()
    }

    private func makePartition(_ queue: TaskQueueKey) -> PartitionHost {
        PartitionHost(
            queue: queue, limits: self.limits, executor: self.executor(queue),
            surroundings: PartitionHost.Surroundings(
                environment: self.environment, store: self.store, history: self.history,
                logger: self.logger, metrics: self.metrics[queue.type] ?? PollMetrics(queue.type),
                unloaded: { [weak self] in self?.forget($0) }))
    }

    private func forget(_ partition: PartitionHost) {
        self.state.withLock { state in
            guard state.partitions[partition.queue] === partition else { return }
            state.partitions[partition.queue] = nil
        }
    }
}
