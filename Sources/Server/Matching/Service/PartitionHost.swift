import Logging
import MatchingCore
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

/// Runs one ``TaskQueuePartition``: parks its callers and performs what it asks for.
package actor PartitionHost {
    /// What a host works with.
    package struct Surroundings: Sendable {
        let environment: HostEnvironment
        let store: any TaskQueueStore
        let history: @Sendable () -> any HistoryClient
        let logger: Logger
        let metrics: PollMetrics
        /// Called once, when the partition has become idle and answers nobody any more.
        let unloaded: @Sendable (PartitionHost) -> Void
    }

    package nonisolated let queue: TaskQueueKey
    private nonisolated let executor: any SerialExecutor
    private let surroundings: Surroundings
    private var machine: TaskQueuePartition
    private var isUnloaded = false

    private var lastCall: UInt64 = 0
    private var polls: [CallID: CheckedContinuation<PollReply, Never>] = [:]
    private var adds: [CallID: CheckedContinuation<ServiceError?, Never>] = [:]
    private var queries: [CallID: CheckedContinuation<QueryReply, Never>] = [:]
    private var queryAnswers: [CallID: CheckedContinuation<ServiceError?, Never>] = [:]
    private var descriptions: [CallID: CheckedContinuation<TaskQueueDescription, Never>] = [:]

    /// The one sleep that is armed, with the time it ends at.
    private var sleeper: (deadline: Timestamp, task: Task<Void, Never>)?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.executor.asUnownedSerialExecutor()
    }

    package init(
        queue: TaskQueueKey, limits: PartitionLimits, executor: any SerialExecutor,
        surroundings: Surroundings
    ) {
        self.queue = queue
        self.executor = executor
        self.surroundings = surroundings
        self.machine = TaskQueuePartition(
            queue: queue, limits: limits, seed: surroundings.environment.random.seed())
    }

    // MARK: Calls; nil from any of them: unloaded meanwhile, ask for a new host

    package func poll(_ request: TaskPoll) async -> PollReply? {
        guard !self.isUnloaded else { return nil }
        let call = self.nextCall()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.polls[call] = continuation
                self.feed(.pollArrived(call, request))
            }
        } onCancel: {
            Task { await self.callerLeft(.pollCanceled(call)) }
        }
    }

    package func add(_ task: TaskDispatch) async -> Result<Void, ServiceError>? {
        guard !self.isUnloaded else { return nil }
        let call = self.nextCall()
        let refusal = await withCheckedContinuation { continuation in
            self.adds[call] = continuation
            self.feed(.taskAdded(call, task))
        }
        return refusal.map { .failure($0) } ?? .success(())
    }

    package func query(_ dispatch: QueryDispatch) async -> QueryReply? {
        guard !self.isUnloaded else { return nil }
        let call = self.nextCall()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.queries[call] = continuation
                self.feed(.queryArrived(call, dispatch))
            }
        } onCancel: {
            Task { await self.callerLeft(.queryCanceled(call)) }
        }
    }

    package func answerQuery(
        taskID: String,
        _ answer: Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest
    ) async -> Result<Void, ServiceError>? {
        guard !self.isUnloaded else { return nil }
        let call = self.nextCall()
        let refusal = await withCheckedContinuation { continuation in
            self.queryAnswers[call] = continuation
            self.feed(.queryAnswered(call, taskID: taskID, answer))
        }
        return refusal.map { .failure($0) } ?? .success(())
    }

    package func describe() async -> TaskQueueDescription? {
        guard !self.isUnloaded else { return nil }
        let call = self.nextCall()
        return await withCheckedContinuation { continuation in
            self.descriptions[call] = continuation
            self.feed(.descriptionAsked(call))
        }
    }

    package func workerLeft() {
        if !self.isUnloaded { self.feed(.workerLeft) }
    }

    package func stop() {
        if !self.isUnloaded { self.feed(.stopped) }
    }

    private func callerLeft(_ input: TaskQueuePartition.Input) {
        if !self.isUnloaded { self.feed(input) }
    }

    private func nextCall() -> CallID {
        self.lastCall += 1
        return CallID(self.lastCall)
    }

    // MARK: Machine

    private func feed(_ input: TaskQueuePartition.Input) {
        var effects: [TaskQueuePartition.Effect] = []
        self.machine.step(input, now: self.surroundings.environment.clock.now(), effects: &effects)
        for effect in effects { self.perform(effect) }
        self.armSleeper()
    }

    private func perform(_ effect: TaskQueuePartition.Effect) {
        switch effect {
        case .replyPoll(let call, let reply):
            self.surroundings.metrics.count(reply)
            self.polls.removeValue(forKey: call)?.resume(returning: reply)
        case .replyAdd(let call, let refusal):
            self.adds.removeValue(forKey: call)?.resume(returning: refusal)
        case .replyQuery(let call, let reply):
            self.queries.removeValue(forKey: call)?.resume(returning: reply)
        case .replyQueryAnswer(let call, let refusal):
            self.queryAnswers.removeValue(forKey: call)?.resume(returning: refusal)
        case .replyDescription(let call, let description):
            self.descriptions.removeValue(forKey: call)?.resume(returning: description)
        case .startTask(let start):
            Task { await self.start(start) }
        case .acquireLease:
            Task { await self.acquireLease() }
        case .appendBacklog(let rows, let range):
            Task { await self.appendBacklog(rows, range) }
        case .readBacklog(let after, let countMax, let generation):
            Task { await self.readBacklog(after, countMax, generation) }
        case .completeBacklog(let level, let range):
            Task { await self.completeBacklog(level, range) }
        case .reportUnreadableRow(let id):
            self.surroundings.logger.error(
                "a backlog row is unreadable and was passed over",
                metadata: ["row": "\(id)", "task_queue": "\(self.queue.name)"])
        case .unload:
            self.isUnloaded = true
            self.surroundings.unloaded(self)
        }
    }

    // MARK: Effects that wait

    private func start(_ start: TaskStart) async {
        do throws(ServiceError) {
            let reply = try await self.surroundings.history().send(
                HistoryRequest(start, type: self.queue.type))
            guard let task = StartedTask(reply) else {
                throw ServiceError(.internalError, "history answered something else")
            }
            self.feed(.taskStartSucceeded(start.poll, task))
        } catch {
            self.report(error)
            self.feed(.taskStartFailed(start.poll, error))
        }
    }

    private func acquireLease() async {
        do {
            let lease = try await self.surroundings.store.acquireTaskQueue(
                self.queue, owner: self.surroundings.environment.owner)
            self.feed(.leaseAcquired(lease))
        } catch {
            self.report(error, "acquire")
            self.feed(.leaseFailed(error))
        }
    }

    private func appendBacklog(_ rows: [BacklogRow], _ range: RangeID) async {
        do {
            try await self.surroundings.store.appendBacklog(rows, to: self.queue, range: range)
            self.feed(.backlogAppended)
        } catch {
            self.report(error, "append")
            self.feed(.backlogAppendFailed(error))
        }
    }

    private func readBacklog(_ after: Int64, _ countMax: Int, _ generation: Int) async {
        do {
            let rows = try await self.surroundings.store.readBacklog(
                self.queue, after: after, countMax: countMax)
            self.feed(
                .backlogRead(generation: generation, rows, isLast: rows.count < countMax))
        } catch {
            self.report(error, "read")
            self.feed(.backlogReadFailed(generation: generation, error))
        }
    }

    private func completeBacklog(_ level: Int64, _ range: RangeID) async {
        do {
            try await self.surroundings.store.completeBacklog(
                self.queue, through: level, range: range)
            self.feed(.backlogCompleted(through: level))
        } catch {
            self.report(error, "complete")
            self.feed(.backlogCompleteFailed(error))
        }
    }

    // MARK: Time

    /// Sleeps until the machine's next deadline; a sleep that ends earlier is left to end.
    private func armSleeper() {
        guard let next = self.machine.nextDeadline, !self.isUnloaded else {
            self.sleeper?.task.cancel()
            self.sleeper = nil
            return
        }
        if let armed = self.sleeper {
            guard next < armed.deadline else { return }
            armed.task.cancel()
        }
        let clock = self.surroundings.environment.clock
        self.sleeper = (
            next,
            Task {
                do { try await clock.sleep(until: next) } catch { return }
                self.woke(from: next)
            }
        )
    }

    private func woke(from deadline: Timestamp) {
        // A sleep that was superseded while it ended has nothing to say.
        guard !self.isUnloaded, self.sleeper?.deadline == deadline else { return }
        self.sleeper = nil
        self.feed(.tick)
    }

    // MARK: Logs

    private func report(_ error: ServiceError) {
        guard error.kind == .dataLoss || error.kind == .internalError else { return }
        self.surroundings.logger.error(
            "a task was dropped: history cannot start it",
            metadata: ["error": "\(error.message)", "task_queue": "\(self.queue.name)"])
    }

    private func report(_ error: StoreError, _ operation: String) {
        self.surroundings.logger.warning(
            "task queue store failed",
            metadata: [
                "operation": "\(operation)", "task_queue": "\(self.queue.name)",
                "error": "\(error)",
            ])
    }
}
