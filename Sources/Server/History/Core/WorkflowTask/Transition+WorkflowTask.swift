import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension Transition {
    /// Gives the run a workflow task, unless it has one, is closed or paused, or must not run yet.
    ///
    /// From the second attempt on the task is transient: its events are written when it completes.
    ///
    /// One that does not go to matching is started in the same transition.
    mutating func scheduleWorkflowTask(attempt: Int32 = 1, isForMatching: Bool = true) {
        guard self.state.isRunning, !self.state.isPaused, !self.state.hasWorkflowTask,
            !self.state.isBackingOff, !self.state.awaitsParent
        else { return }
        // Events the worker has not seen end a streak: the task that brings them is a normal one.
        let attempt = self.state.bufferedEvents.isEmpty ? attempt : 1
        self.flushBufferedEvents()
        let task = self.state.newWorkflowTask(
            attempt > 1 ? .transient : .normal, attempt: attempt,
            timeout: self.workflowTaskTimeout(attempt: attempt), at: self.now)
        if task.kind == .normal { self.appendScheduled(task) }
        self.state.info.workflowTask = task
        if isForMatching { self.dispatchWorkflowTask() }
    }

    /// Hands a task that no worker has taken over to matching again; the one before is void.
    mutating func redispatchWorkflowTask() {
        guard self.state.hasWorkflowTask, !self.state.hasStartedWorkflowTask else { return }
        self.makeWorkflowTaskNormal()
        self.state.info.workflowTask.stamp =
            Int32(truncatingIfNeeded: self.state.info.stateTransitionCount &+ 1)
        self.dispatchWorkflowTask()
    }

    mutating func dispatchWorkflowTask() {
        let task = self.state.info.workflowTask
        let info = self.state.info
        self.add { record in
            record.workflowTask = .with {
                $0.scheduledEventID = task.scheduledEventID
                $0.stamp = task.stamp
                $0.taskQueue = task.taskQueue
                $0.taskQueueKind = task.taskQueueKind
                $0.normalTaskQueue = info.taskQueue
                $0.expiresAt = task.scheduleToStartAt
                if info.hasPriority { $0.priority = info.priority }
            }
        }
    }

    @discardableResult
    mutating func appendScheduled(_ task: StoredWorkflowTask) -> HistoryEvent {
        self.append(self.state.workflowTaskScheduledEvent(task))
    }

    /// A little more than the plain timeout for later attempts, so that a worker which never
    /// answers is asked ever more rarely.
    private mutating func workflowTaskTimeout(attempt: Int32) -> Duration {
        let plain = Duration.nanoseconds(self.state.info.taskTimeoutNs)
        guard attempt > 3 else { return plain }
        let limit = self.settings.workflowTaskRetryIntervalMax.nanoseconds
        let doublings = min(attempt - 4, 40)
        let (grown, overflow) = Int64(5_000_000_000).multipliedReportingOverflow(
            by: Int64(1) << Int64(doublings))
        let extra = overflow ? limit : min(grown, limit)
        let jitter = extra / 5
        return plain
            + .nanoseconds(extra - Int64.random(in: 0...max(jitter, 0), using: &self.generator))
    }

    /// Records that a poll took the task; the caller has checked that it may.
    mutating func startWorkflowTask(requestID: String, by worker: TaskWorker, isStickyPoll: Bool) {
        if !isStickyPoll { self.clearSticky() }
        var task = self.state.info.workflowTask
        if task.kind == .transient, task.scheduledEventID != self.state.info.nextEventID {
            // Events came in since: the worker must see them, so this is a task like any other.
            task.kind = .normal
            task.attempt = 1
            task.scheduledEventID = self.state.info.nextEventID
            task.scheduledAt = self.now.nanoseconds
            self.appendScheduled(task)
        }
        task.begin(
            self.state.workflowTaskBeginning(
                requestID: requestID, worker: worker, at: self.now, self.updates,
                self.settings))
        if task.kind == .normal {
            task.startedEventID = self.state.info.nextEventID
            self.append(self.state.workflowTaskStartedEvent(task))
        } else {
            task.startedEventID = task.scheduledEventID + 1
        }
        self.state.info.workflowTask = task
    }

    /// Takes the started task off the run and writes what its completion adds to history.
    mutating func completeWorkflowTask(
        _ request: Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest
    ) -> Int64 {
        self.makeWorkflowTaskNormal()
        var task = self.state.info.workflowTask
        self.state.info.clearWorkflowTask()
        self.workerIdentity = request.identity
        self.hasUnseenEvents = !self.state.bufferedEvents.isEmpty
        if task.kind == .transient {
            task.scheduledEventID = self.appendScheduled(task).eventID
            task.workerVersion = request.workerVersionStamp
            if !request.hasWorkerVersionStamp { task.clearWorkerVersion() }
            task.startedEventID =
                self.append(self.state.workflowTaskStartedEvent(task)).eventID
        }
        let completed = self.append(
            .workflowTaskCompleted,
            .workflowTaskCompletedEventAttributes(
                .with {
                    $0.scheduledEventID = task.scheduledEventID
                    $0.startedEventID = task.startedEventID
                    $0.identity = request.identity
                    $0.binaryChecksum = request.binaryChecksum
                    if request.hasWorkerVersionStamp {
                        $0.workerVersion = request.workerVersionStamp
                    }
                    if request.hasSdkMetadata { $0.sdkMetadata = request.sdkMetadata }
                    if request.hasMeteringMetadata {
                        $0.meteringMetadata = request.meteringMetadata
                    }
                    $0.workerDeploymentName = request.deploymentName
                }))
        self.state.keepResetPoints(self.settings.autoResetPointsMax)
        self.noteBuilds()
        self.state.info.workflowTaskAttemptsSinceSuccess = 0
        self.state.info.clearLastWorkflowTaskFailure()
        self.setSearchAttribute(reportedProblemsAttribute, to: nil)
        return completed.eventID
    }

    /// Ends the started task as failed and schedules the next attempt.
    mutating func failWorkflowTask(
        _ cause: WorkflowTaskFailedCause, failure: Failure?, identity: String,
        binaryChecksum: String = "", reschedules: Bool = true
    ) {
        self.makeWorkflowTaskNormal()
        let task = self.state.info.workflowTask
        self.state.info.clearWorkflowTask()
        if task.kind == .normal {
            self.append(
                .workflowTaskFailed,
                .workflowTaskFailedEventAttributes(
                    .with {
                        $0.scheduledEventID = task.scheduledEventID
                        $0.startedEventID = task.startedEventID
                        $0.cause = cause
                        if let failure { $0.failure = failure }
                        $0.identity = identity
                        $0.binaryChecksum = binaryChecksum
                    }))
        }
        self.state.info.lastWorkflowTaskFailure = .with {
            $0.cause = "\(cause)"
        }
        if cause == .unhandledCommand { self.state.info.closeAttempted = true }
        if reschedules { self.retryWorkflowTask(after: task, problem: .failed(cause)) }
    }

    /// Ends the task because its worker, or for a sticky queue any worker, took too long.
    mutating func timeOutWorkflowTask(_ type: Temporal_Api_Enums_V1_TimeoutType) {
        self.makeWorkflowTaskNormal()
        let task = self.state.info.workflowTask
        self.state.info.clearWorkflowTask()
        if task.kind == .normal {
            self.append(
                .workflowTaskTimedOut,
                .workflowTaskTimedOutEventAttributes(
                    .with {
                        $0.scheduledEventID = task.scheduledEventID
                        $0.startedEventID = task.startedEventID
                        $0.timeoutType = type
                    }))
        }
        if type == .scheduleToStart {
            self.clearSticky()
            self.scheduleWorkflowTask()
        } else {
            self.retryWorkflowTask(after: task, problem: .timedOut(type))
        }
    }

    /// A failure on a sticky queue may be the cache's fault, so it does not count.
    private mutating func retryWorkflowTask(
        after task: StoredWorkflowTask, problem: WorkflowTaskProblem
    ) {
        let countsAsAttempt = !self.state.isSticky
        self.clearSticky()
        if countsAsAttempt { self.state.info.workflowTaskAttemptsSinceSuccess += 1 }
        let problemsMin = self.settings.workflowTaskProblemsMin
        if problemsMin > 0,
            Int64(self.state.info.workflowTaskAttemptsSinceSuccess) >= problemsMin
        {
            self.setSearchAttribute(reportedProblemsAttribute, to: problem.payload)
        }
        self.scheduleWorkflowTask(attempt: countsAsAttempt ? task.attempt + 1 : 1)
    }

    mutating func clearSticky() { self.state.clearSticky() }
}

extension MutableState {
    /// No worker is known to have the run in its cache.
    mutating func clearSticky() {
        self.info.stickyTaskQueue = ""
        self.info.stickyScheduleToStartNs = 0
    }

    /// The event that says `task` was scheduled, whether or not it is in history.
    func workflowTaskScheduledEvent(_ task: StoredWorkflowTask) -> HistoryEvent {
        .with { event in
            event.eventID = task.scheduledEventID
            event.eventType = .workflowTaskScheduled
            event.eventTime = Timestamp(nanoseconds: task.scheduledAt).proto
            event.workflowTaskScheduledEventAttributes = .with {
                $0.taskQueue = .with {
                    $0.name = task.taskQueue
                    $0.kind = task.taskQueueKind
                    if task.taskQueueKind == .sticky { $0.normalName = self.info.taskQueue }
                }
                $0.startToCloseTimeout = Duration.nanoseconds(task.timeoutNs).proto
                $0.attempt = task.attempt
            }
        }
    }

    /// The event that says `task` was started, whether or not it is in history.
    func workflowTaskStartedEvent(_ task: StoredWorkflowTask) -> HistoryEvent {
        .with { event in
            event.eventID = task.startedEventID
            event.eventType = .workflowTaskStarted
            event.eventTime = Timestamp(nanoseconds: task.startedAt).proto
            event.workflowTaskStartedEventAttributes = .with {
                $0.scheduledEventID = task.scheduledEventID
                $0.identity = task.identity
                $0.requestID = task.requestID
                $0.historySizeBytes = task.historySize
                $0.suggestContinueAsNew = task.suggestContinueAsNew
                $0.suggestContinueAsNewReasons = task.suggestContinueAsNewReasons
                if task.hasWorkerVersion { $0.workerVersion = task.workerVersion }
            }
        }
    }

    /// The events of the workflow task that are written only when it completes, as readers of the
    /// history may be shown them.
    var unwrittenSuffix: [HistoryEvent] {
        let task = self.info.workflowTask
        guard self.info.hasWorkflowTask, task.kind != .normal,
            task.scheduledEventID == self.info.nextEventID
        else { return [] }
        let scheduled = self.workflowTaskScheduledEvent(task)
        return task.startedEventID == 0
            ? [scheduled] : [scheduled, self.workflowTaskStartedEvent(task)]
    }

    /// The events of a started task which history does not hold before it completes.
    package var transientSuffix: [HistoryEvent] {
        self.hasStartedWorkflowTask ? self.unwrittenSuffix : []
    }
}
