import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// What matching gets for a task; nil for a kind this version does not know.
    static func dispatch(_ task: StoredHistoryTask, ignoringSticky: Bool = false) -> TaskDispatch? {
        let run = task.key
        let namespace = NamespaceReference(id: run.namespaceID, name: "", retention: .zero)
        switch task.work {
        case .workflowTask(let work):
            let isSticky = work.taskQueueKind == .sticky && !ignoringSticky
            return TaskDispatch(
                queue: TaskQueueKey(
                    namespaceID: run.namespaceID,
                    name: isSticky ? work.taskQueue : work.normalTaskQueue, type: .workflow,
                    isSticky: isSticky),
                run: run, namespace: namespace, scheduledEventID: work.scheduledEventID,
                stamp: work.stamp,
                expiresAt: isSticky && work.expiresAt > 0
                    ? Timestamp(nanoseconds: work.expiresAt) : nil,
                priorityKey: work.priority.priorityKey)
        case .activity(let work):
            return TaskDispatch(
                queue: TaskQueueKey(
                    namespaceID: run.namespaceID, name: work.taskQueue, type: .activity,
                    isSticky: false),
                run: run, namespace: namespace, scheduledEventID: work.scheduledEventID,
                stamp: work.stamp,
                expiresAt: work.expiresAt > 0 ? Timestamp(nanoseconds: work.expiresAt) : nil,
                priorityKey: work.priority.priorityKey)
        case .startChild, .signalExternal, .cancelExternal, .releaseChild, .notifyParent,
            .closeChild, .deliverCallback, .deleteRun, nil:
            return nil
        }
    }

    // MARK: Doing

    /// Does a task that is durable, or does it again.
    ///
    /// A task runs at least once: what it sends must be the same request each time.
    mutating func begin(_ taskID: Int64, _ effects: inout [Effect]) {
        guard let task = self.tasks[taskID] else { return }
        if let dispatch = Self.dispatch(task) {
            effects.append(.handOver(taskID: taskID, dispatch))
            return
        }
        switch task.work {
        case .startChild(let id): self.beginChildStart(id, taskID, &effects)
        case .releaseChild(let child): self.release(child, taskID, &effects)
        case .closeChild(let child): self.close(child, taskID, &effects)
        case .notifyParent(let notice): self.notifyParent(notice, taskID, &effects)
        case .signalExternal(let id): self.beginSignal(id, taskID, &effects)
        case .cancelExternal(let id): self.beginCancel(id, taskID, &effects)
        case .deleteRun: self.deleteRun(taskID, &effects)
        case .deliverCallback: self.beginDelivery(taskID, &effects)
        case .workflowTask, .activity, nil: self.finish(taskID)
        }
    }

    /// Another run, or this one, has answered what a task sent to it.
    mutating func requestAnswered(
        _ taskID: Int64, _ result: Result<HistoryReply, ServiceError>, _ effects: inout [Effect]
    ) {
        guard self.phase == .serving, let task = self.tasks[taskID] else { return }
        self.closingChildren.remove(taskID)
        defer { self.closeMoreChildren(&effects) }
        if case .failure(let error) = result, error.isWorthRepeating {
            self.retry(taskID)
            return
        }
        switch task.work {
        case .startChild(let id): self.childStartAnswered(id, taskID, result, &effects)
        case .signalExternal(let id): self.signalAnswered(id, taskID, result, &effects)
        case .cancelExternal(let id): self.cancelAnswered(id, taskID, result, &effects)
        case .releaseChild, .notifyParent, .closeChild:
            // Whatever the other run said, there is nothing more to be done.
            self.finish(taskID)
        case .workflowTask, .activity, .deliverCallback, .deleteRun, nil: self.finish(taskID)
        }
    }

    mutating func eventsRead(
        _ taskID: Int64, _ result: Result<[HistoryEvent], ServiceError>,
        _ effects: inout [Effect]
    ) {
        guard self.phase == .serving, let task = self.tasks[taskID] else { return }
        if case .deliverCallback = task.work {
            return self.closeEventRead(taskID, result, &effects)
        }
        guard let event = try? result.get().first else { return self.retry(taskID) }
        switch task.work {
        case .startChild(let id): self.startChild(id, as: event, taskID, &effects)
        case .notifyParent(let notice): self.notifyParent(notice, of: event, taskID, &effects)
        case .signalExternal(let id): self.signal(id, as: event, taskID, &effects)
        case .workflowTask, .activity, .cancelExternal, .releaseChild, .closeChild,
            .deliverCallback, .deleteRun, nil:
            self.finish(taskID)
        }
    }

    /// The run a task is of; nil if it is being loaded, or if it is gone and the task with it.
    mutating func run(
        ofTask taskID: Int64, then waiting: Waiting, _ effects: inout [Effect]
    ) -> CachedRun? {
        guard let key = self.tasks[taskID]?.key else { return nil }
        if let run = self.cached(key.address, key.runID) { return run }
        if self.deletedRuns[key] != nil {
            self.finish(taskID)
        } else {
            self.load(key.address, key.runID, then: waiting, &effects)
        }
        return nil
    }

    /// Goes on with a task for which a run of its workflow was loaded.
    mutating func resume(
        _ taskID: Int64, missing: RunID??, _ effects: inout [Effect],
        _ body: (inout Self, inout [Effect]) -> Void
    ) {
        guard let key = self.tasks[taskID]?.key else { return }
        if self.runs[key] == nil, missing == .some(.some(key.runID)) {
            self.finish(taskID)
            self.closeMoreChildren(&effects)
        } else {
            body(&self, &effects)
        }
    }

    // MARK: Handing over

    mutating func handedOver(
        _ taskID: Int64, _ error: ServiceError?, _ effects: inout [Effect]
    ) {
        guard self.phase == .serving, let task = self.tasks[taskID] else { return }
        guard let error else { return self.finish(taskID) }
        if error.kind == .stickyWorkerUnavailable,
            let dispatch = Self.dispatch(task, ignoringSticky: true)
        {
            // The worker that has the run in its cache is gone; any other one will do.
            effects.append(.handOver(taskID: taskID, dispatch))
            return
        }
        self.retry(taskID)
    }

    // MARK: Ending

    /// Does a task again after a while.
    mutating func retry(_ taskID: Int64) {
        let attempts = min((self.taskAttempts[taskID] ?? 0) + 1, 10)
        self.taskAttempts[taskID] = attempts
        self.deliveries.end(taskID)
        self.taskRetries.set(taskID, to: self.now + .milliseconds(50 << attempts))
    }

    mutating func retryTasks(_ effects: inout [Effect]) {
        while let taskID = self.taskRetries.popDue(at: self.now) { self.begin(taskID, &effects) }
    }

    mutating func finish(_ taskID: Int64) {
        self.tasks[taskID] = nil
        self.taskAttempts[taskID] = nil
        self.taskRetries.set(taskID, to: nil)
        self.deliveries.end(taskID)
        self.closingChildren.remove(taskID)
        self.finishedTasks.append(taskID)
        if self.deletionDueAt == nil {
            self.deletionDueAt = self.now + self.settings.taskDeletionDelay
        }
    }

    /// Lets the open batch remove the rows of the tasks that are done.
    mutating func deleteFinishedTasks() {
        self.open.deleteTasks(self.finishedTasks)
        self.finishedTasks = []
        self.deletionDueAt = nil
    }
}

extension StoredHistoryTask {
    /// The run this task is of.
    var key: WorkflowKey {
        WorkflowKey(
            archetype: Archetype(rawValue: self.archetype) ?? .workflow,
            namespaceID: NamespaceID(self.namespaceID), workflowID: WorkflowID(self.workflowID),
            runID: RunID(self.runID))
    }
}

extension ServiceError {
    /// Whether a task that was answered like this goes on trying; only what is certain ends it.
    var isWorthRepeating: Bool {
        switch self.kind {
        case .notFound, .namespaceNotFound, .workflowExecutionAlreadyStarted, .invalidArgument,
            .failedPrecondition:
            false
        default:
            true
        }
    }
}
