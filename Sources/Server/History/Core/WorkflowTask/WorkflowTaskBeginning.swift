import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

/// What is set down of a workflow task when a worker takes it.
struct WorkflowTaskBeginning {
    let requestID: String
    let worker: TaskWorker
    let at: Timestamp
    let historySize: Int64
    /// Why the workflow had better continue as new; empty if there is no reason to.
    let reasons: [Temporal_Api_Enums_V1_SuggestContinueAsNewReason]
}

extension MutableState {
    /// A task for the queue the run's tasks go to now.
    func newWorkflowTask(
        _ kind: StoredWorkflowTask.Kind, attempt: Int32, timeout: Duration, at now: Timestamp
    ) -> StoredWorkflowTask {
        var task = StoredWorkflowTask()
        task.kind = kind
        task.attempt = attempt
        task.scheduledAt = now.nanoseconds
        task.originalScheduledAt = now.nanoseconds
        task.timeoutNs = timeout.nanoseconds
        task.stamp = Int32(truncatingIfNeeded: self.info.stateTransitionCount &+ 1)
        task.scheduledEventID = self.info.nextEventID
        if self.isSticky {
            task.taskQueue = self.info.stickyTaskQueue
            task.taskQueueKind = .sticky
            task.scheduleToStartAt = now.nanoseconds.after(self.info.stickyScheduleToStartNs)
        } else {
            task.taskQueue = self.info.taskQueue
            task.taskQueueKind = .normal
        }
        return task
    }

    func workflowTaskBeginning(
        requestID: String, worker: TaskWorker, at now: Timestamp, _ pending: PendingUpdates,
        _ settings: Settings
    ) -> WorkflowTaskBeginning {
        WorkflowTaskBeginning(
            requestID: requestID, worker: worker, at: now, historySize: self.info.historySize,
            reasons: self.reasonsToContinueAsNew(pending, settings))
    }

    private func reasonsToContinueAsNew(
        _ pending: PendingUpdates, _ settings: Settings
    ) -> [Temporal_Api_Enums_V1_SuggestContinueAsNewReason] {
        var reasons: [Temporal_Api_Enums_V1_SuggestContinueAsNewReason] = []
        if self.info.historySize >= settings.historySizeSuggestContinueAsNew {
            reasons.append(.historySizeTooLarge)
        }
        if self.info.nextEventID >= settings.historyCountSuggestContinueAsNew {
            reasons.append(.tooManyHistoryEvents)
        }
        let updatesMax = settings.updatesPerExecutionMax
        let share = Double(updatesMax) * settings.updatesSuggestContinueAsNew
        if updatesMax > 0, share > 0,
            Double(self.updates.count + pending.count) >= share.rounded(.up)
        {
            reasons.append(.tooManyUpdates)
        }
        return reasons
    }
}

extension StoredWorkflowTask {
    /// A worker has taken the task; where its started event stands is set beside.
    mutating func begin(_ beginning: WorkflowTaskBeginning) {
        self.startedAt = beginning.at.nanoseconds
        self.requestID = beginning.requestID
        self.identity = beginning.worker.identity
        if let version = beginning.worker.version { self.workerVersion = version }
        self.historySize = beginning.historySize
        self.suggestContinueAsNew = !beginning.reasons.isEmpty
        self.suggestContinueAsNewReasons = beginning.reasons
    }
}
