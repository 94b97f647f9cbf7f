import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// What matching gets for a task; nil for a kind this version does not know.
    static func dispatch(_ task: StoredHistoryTask, ignoringSticky: Bool = false) -> TaskDispatch? {
        let run = WorkflowKey(
            namespaceID: NamespaceID(task.namespaceID), workflowID: WorkflowID(task.workflowID),
            runID: RunID(task.runID))
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

    mutating func handOver(
        _ taskID: Int64, ignoringSticky: Bool = false, _ effects: inout [Effect]
    ) {
        guard let task = self.tasks[taskID] else { return }
        guard let dispatch = Self.dispatch(task, ignoringSticky: ignoringSticky) else {
            self.finish(taskID)
            return
        }
        effects.append(.handOver(taskID: taskID, dispatch))
    }

    mutating func handedOver(
        _ taskID: Int64, _ error: ServiceError?, _ effects: inout [Effect]
    ) {
        guard self.phase == .serving, self.tasks[taskID] != nil else { return }
        guard let error else { return self.finish(taskID) }
        if error.kind == .stickyWorkerUnavailable {
            // The worker that has the run in its cache is gone; any other one will do.
            self.handOver(taskID, ignoringSticky: true, &effects)
            return
        }
        let attempts = min((self.taskAttempts[taskID] ?? 0) + 1, 10)
        self.taskAttempts[taskID] = attempts
        self.taskRetries.set(taskID, to: self.now + .milliseconds(50 << attempts))
    }

    mutating func retryTasks(_ effects: inout [Effect]) {
        while let taskID = self.taskRetries.popDue(at: self.now) { self.handOver(taskID, &effects) }
    }

    private mutating func finish(_ taskID: Int64) {
        self.tasks[taskID] = nil
        self.taskAttempts[taskID] = nil
        self.taskRetries.set(taskID, to: nil)
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
