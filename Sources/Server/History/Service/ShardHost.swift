import HistoryCore
import Logging
import Metrics
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

/// A thin shell around one ``HistoryShard``: feeds it inputs, performs its effects, keeps its
/// callers' continuations. Holds no rule of its own.
package actor ShardHost {
    /// What a shard reaches the world through.
    struct Ports: Sendable {
        let clock: any TimeSource
        let owner: String
        let store: any ShardStore
        let matching: any MatchingClient
        let callbacks: any CallbackSender
        let namespaces: any NamespaceDirectory
        let executor: any SerialExecutor
        let logger: Logger
    }

    private var machine: HistoryShard
    private let id: ShardID
    private let ports: Ports
    private var nextRequestID: UInt64 = 0
    private var callers:
        [HistoryShard.RequestID: CheckedContinuation<Result<HistoryReply, ServiceError>, Never>] =
            [:]
    private var queries: [HistoryShard.QueryID: Task<Void, Never>] = [:]
    /// Callbacks on their way, by the order they went.
    private var deliveries: [UInt64: Task<Void, Never>] = [:]
    private var nextDelivery: UInt64 = 0
    private var startWaiters: [CheckedContinuation<Void, Never>] = []
    /// The way to all shards; nil before the start.
    private weak var history: (any HistoryClient & AnyObject)?
    private var sleeper: (deadline: Timestamp, task: Task<Void, Never>)?
    private var isStopped = false
    private var stopWaiters: [CheckedContinuation<Void, Never>] = []
    private let reloads = Counter(label: "history_shard_reloads")

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.ports.executor.asUnownedSerialExecutor()
    }

    init(machine: consuming HistoryShard, ports: Ports) {
        self.id = machine.id
        self.machine = machine
        self.ports = ports
    }

    /// Acquires the shard and returns once it serves.
    ///
    /// `history` takes the requests this shard sends to the others.
    func start(reaching history: any HistoryClient & AnyObject) async {
        self.history = history
        var effects: [HistoryShard.Effect] = []
        self.machine.start(effects: &effects)
        self.perform(effects)
        if self.machine.isServing || self.isStopped { return }
        await withCheckedContinuation { self.startWaiters.append($0) }
    }

    /// Lets what is being committed finish, then refuses everything.
    func shutdown() async {
        if !self.machine.isQuiet, self.machine.isServing, !self.isStopped {
            await withCheckedContinuation { self.stopWaiters.append($0) }
        }
        guard !self.isStopped else { return }
        self.isStopped = true
        self.step(.stopped)
        self.sleeper?.task.cancel()
        self.sleeper = nil
        for delivery in self.deliveries.values { delivery.cancel() }
        for waiter in self.startWaiters { waiter.resume() }
        self.startWaiters = []
    }

    package var counters: HistoryShard.Counters { self.machine.counters }

    /// Sends a request in and waits for its reply.
    func send(_ request: HistoryRequest) async throws(ServiceError) -> HistoryReply {
        self.nextRequestID += 1
        let id = HistoryShard.RequestID(self.nextRequestID)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.callers[id] = continuation
                self.step(.requestArrived(id, request))
            }
        } onCancel: {
            // Runs after the lines above: they do not leave the actor.
            Task { await self.withdraw(id) }
        }
        return try result.get()
    }

    private func withdraw(_ id: HistoryShard.RequestID) {
        guard let caller = self.callers.removeValue(forKey: id) else { return }
        self.step(.requestCanceled(id))
        caller.resume(returning: .failure(ServiceError(.cancelled, "the caller went away")))
    }

    // MARK: The machine

    private func step(_ input: HistoryShard.Input) {
        var effects: [HistoryShard.Effect] = []
        self.machine.step(input, now: self.ports.clock.now(), effects: &effects)
        self.perform(effects)
    }

    private func perform(_ effects: [HistoryShard.Effect]) {
        for effect in effects { self.perform(effect) }
        if self.machine.isServing, !self.startWaiters.isEmpty {
            for waiter in self.startWaiters { waiter.resume() }
            self.startWaiters = []
        }
        if self.machine.isQuiet || !self.machine.isServing, !self.stopWaiters.isEmpty {
            for waiter in self.stopWaiters { waiter.resume() }
            self.stopWaiters = []
        }
        self.arm()
    }

    private func perform(_ effect: HistoryShard.Effect) {
        let range = self.machine.currentRange
        switch effect {
        case .acquireRange: Task { await self.acquire() }
        case .loadTasks(let after, let countMax):
            Task { await self.loadTasks(after, countMax, range) }
        case .loadTimers(let after, let countMax):
            Task { await self.loadTimers(after, countMax, range) }
        case .loadRun(let address, let runID): Task { await self.loadRun(address, runID, range) }
        case .readHistory(let id, let key, let events, let eventsMax):
            Task { await self.readHistory(id, key, events, eventsMax, range) }
        case .commit(let id, let batch):
            Task { await self.commit(id, batch, range) }
        case .reply(let id, let result):
            self.callers.removeValue(forKey: id)?.resume(returning: result)
        case .replyWithHistory(let id, let reply, let fetch):
            Task { await self.reply(id, reply, fetch) }
        case .handOver(let taskID, let dispatch): Task { await self.handOver(taskID, dispatch) }
        case .offer(let dispatch): Task { await self.offer(dispatch) }
        case .send(let taskID, let request): Task { await self.send(request, for: taskID) }
        case .sendAcross(let taskID, let request):
            Task { await self.sendAcross(request, for: taskID) }
        case .readEvents(let taskID, let fetch):
            Task { await self.readEvents(fetch, for: taskID) }
        case .deliverCallback(let taskID, let delivery):
            self.nextDelivery += 1
            let number = self.nextDelivery
            self.deliveries[number] = Task {
                await self.deliver(delivery, for: taskID, number, range)
            }
        case .dispatchQuery(let id, let dispatch, let fetch):
            self.queries[id] = Task { await self.ask(id, dispatch, fetch) }
        case .cancelQuery(let id): self.queries.removeValue(forKey: id)?.cancel()
        case .report(let report): self.log(report)
        }
    }

    /// Keeps one sleep armed for the machine's next deadline.
    private func arm() {
        guard !self.isStopped, let deadline = self.machine.nextDeadline else { return }
        if let sleeper = self.sleeper {
            // An earlier wake-up does no harm; a later one would be late.
            guard deadline < sleeper.deadline else { return }
            sleeper.task.cancel()
        }
        let clock = self.ports.clock
        self.sleeper = (
            deadline,
            Task {
                do { try await clock.sleep(until: deadline) } catch { return }
                self.woke(deadline)
            }
        )
    }

    private func woke(_ deadline: Timestamp) {
        guard self.sleeper?.deadline == deadline, !self.isStopped else { return }
        self.sleeper = nil
        self.step(.tick)
    }

    private func log(_ report: HistoryShard.Report) {
        let shard = Logger.MetadataValue.stringConvertible(self.id.rawValue)
        switch report {
        case .reloading(let reason):
            self.reloads.increment()
            self.ports.logger.error(
                "history shard reloads", metadata: ["shard": shard, "reason": "\(reason)"])
        case .runCorrupt(let key, let reason):
            self.ports.logger.error(
                "a workflow's stored state is corrupt",
                metadata: ["shard": shard, "run": "\(key)", "reason": "\(reason)"])
        case .runLarge(let key, let what):
            self.ports.logger.warning(
                "a workflow has grown large",
                metadata: ["shard": shard, "run": "\(key)", "size": "\(what)"])
        case .taskUnreadable(let taskID, let reason):
            self.ports.logger.error(
                "stored rows cannot be read",
                metadata: ["shard": shard, "task": "\(taskID)", "reason": "\(reason)"])
        }
    }

    // MARK: Effects

    private func acquire() async {
        do throws(StoreError) {
            self.step(
                .rangeAcquired(
                    try await self.ports.store.acquireShard(self.id, owner: self.ports.owner)))
        } catch {
            self.ports.logger.warning(
                "history shard cannot be acquired",
                metadata: ["shard": "\(self.id.rawValue)", "error": "\(error)"])
            self.step(.acquisitionFailed(error))
        }
    }

    private func loadTasks(_ after: Int64, _ countMax: Int, _ range: RangeID) async {
        let result = await outcome { () throws(StoreError) in
            try await self.ports.store.readTasks(after: after, countMax: countMax, shard: self.id)
        }
        self.step(.tasksLoaded(range, result))
    }

    private func loadTimers(_ after: TimerRow?, _ countMax: Int, _ range: RangeID) async {
        let result = await outcome { () throws(StoreError) in
            try await self.ports.store.readTimers(after: after, countMax: countMax, shard: self.id)
        }
        self.step(.timersLoaded(range, result))
    }

    private func loadRun(
        _ address: WorkflowAddress, _ runID: RunID?, _ range: RangeID
    ) async {
        let result = await outcome { () throws(StoreError) in
            try await self.ports.store.loadRun(address, runID: runID, shard: self.id)
        }
        self.step(.runLoaded(range, address, runID, result))
    }

    private func readHistory(
        _ id: HistoryShard.RequestID, _ key: WorkflowKey, _ events: Range<Int64>,
        _ eventsMax: Int, _ range: RangeID
    ) async {
        let result = await outcome { () throws(StoreError) in
            try await self.ports.store.readHistory(
                key, events: events, eventsMax: eventsMax, shard: self.id)
        }
        self.step(.historyRead(range, id, key, result))
    }

    private func commit(
        _ id: HistoryShard.BatchID, _ batch: ShardBatch, _ range: RangeID
    ) async {
        do throws(StoreError) {
            try await self.ports.store.commit(batch, shard: self.id, range: range)
            self.step(.batchCommitted(id, nil))
        } catch {
            self.step(.batchCommitted(id, error))
        }
    }

    private func handOver(_ taskID: Int64, _ dispatch: TaskDispatch) async {
        do throws(ServiceError) {
            switch dispatch.queue.type {
            case .workflow: try await self.ports.matching.addWorkflowTask(dispatch)
            case .activity: try await self.ports.matching.addActivityTask(dispatch)
            }
            self.step(.taskHandedOver(taskID: taskID, nil))
        } catch {
            self.step(.taskHandedOver(taskID: taskID, error))
        }
    }

    private func offer(_ dispatch: TaskDispatch) async {
        do throws(ServiceError) {
            try await self.ports.matching.addWorkflowTask(dispatch)
            self.step(.offered(dispatch, nil))
        } catch {
            self.step(.offered(dispatch, error))
        }
    }

    private func send(_ request: HistoryRequest, for taskID: Int64) async {
        let result: Result<HistoryReply, ServiceError>
        do throws(ServiceError) {
            guard let history = self.history else {
                throw ServiceError(.shardUnavailable(self.id), "the server is shutting down")
            }
            result = .success(try await history.send(request))
        } catch {
            result = .failure(error)
        }
        self.step(.requestAnswered(taskID: taskID, result))
    }

    /// Sends a request to another namespace, if there is such a one.
    private func sendAcross(_ request: HistoryRequest, for taskID: Int64) async {
        do throws(ServiceError) {
            let namespace = try await self.ports.namespaces.reference(to: request.namespace.id)
            await self.send(request.in(namespace), for: taskID)
        } catch {
            self.step(.requestAnswered(taskID: taskID, .failure(error)))
        }
    }

    private func readEvents(_ fetch: HistoryFetch, for taskID: Int64) async {
        let result: Result<[HistoryEvent], ServiceError>
        do throws(ServiceError) {
            result = .success(fetch.page(try await self.read(fetch)).events)
        } catch {
            result = .failure(error)
        }
        self.step(.eventsRead(taskID: taskID, result))
    }

    private func deliver(
        _ delivery: CallbackDelivery, for taskID: Int64, _ number: UInt64, _ range: RangeID
    ) async {
        let outcome = await self.ports.callbacks.send(delivery)
        self.deliveries[number] = nil
        self.step(.callbackAnswered(range, taskID: taskID, outcome))
    }

    private func ask(
        _ id: HistoryShard.QueryID, _ dispatch: QueryDispatch, _ fetch: HistoryFetch?
    ) async {
        let result: Result<Temporal_Api_Workflowservice_V1_QueryWorkflowResponse, ServiceError>
        do throws(ServiceError) {
            var dispatch = dispatch
            if let fetch {
                dispatch = QueryDispatch(
                    queue: dispatch.queue, namespace: dispatch.namespace,
                    deadline: dispatch.deadline,
                    task: dispatch.task.with(fetch.page(try await self.read(fetch))))
            }
            result = .success(try await self.ports.matching.query(dispatch))
        } catch {
            result = .failure(error)
        }
        self.queries[id] = nil
        self.step(.queryAnswered(id, result))
    }

    private func reply(
        _ id: HistoryShard.RequestID, _ reply: HistoryReply, _ fetch: HistoryFetch
    ) async {
        let result: Result<HistoryReply, ServiceError>
        do throws(ServiceError) {
            result = .success(reply.with(fetch.page(try await self.read(fetch))))
        } catch {
            result = .failure(error)
        }
        self.callers.removeValue(forKey: id)?.resume(returning: result)
    }

    private func isGone(_ key: WorkflowKey) async -> Bool {
        do throws(StoreError) {
            let record = try await self.ports.store.loadRun(
                key.address, runID: key.runID, shard: self.id)
            return record == nil
        } catch {
            return false
        }
    }

    private func read(_ fetch: HistoryFetch) async throws(ServiceError) -> [HistoryEvent] {
        guard !fetch.events.isEmpty else { return [] }
        let nodes: [HistoryNode]
        do throws(StoreError) {
            nodes = try await self.ports.store.readHistory(
                fetch.key, events: fetch.events, eventsMax: fetch.eventsMax, shard: self.id)
        } catch {
            throw ServiceError(.unavailable, "the workflow's history cannot be read now, try again")
        }
        do throws(HistoryCorrupted) {
            return try fetch.events(of: nodes)
        } catch {
            // It may have been deleted since the machine decided what to read.
            if await self.isGone(fetch.key) { throw .workflowNotFound(fetch.key.workflowID) }
            self.log(.runCorrupt(fetch.key, error.description))
            throw ServiceError(.dataLoss, "the workflow's stored history is corrupt")
        }
    }
}

/// The outcome of a store call as a value.
private func outcome<Success>(
    _ body: () async throws(StoreError) -> Success
) async -> Result<Success, StoreError> {
    do throws(StoreError) { return .success(try await body()) } catch { return .failure(error) }
}
