import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension Transition {
    /// Hands the activity's current attempt to matching, unless its run is paused.
    mutating func dispatch(_ activity: StoredActivity) {
        guard !self.state.isPaused else { return }
        let priority = self.state.priority(of: activity)
        self.add { record in
            record.activity = .with {
                $0.scheduledEventID = activity.scheduledEventID
                $0.stamp = activity.stamp
                $0.taskQueue = activity.taskQueue
                $0.expiresAt =
                    activity.scheduleToStartNs > 0
                    ? activity.scheduledAt.after(activity.scheduleToStartNs) : 0
                $0.priority = priority
            }
        }
    }

    /// Writes the started event, if an attempt was started.
    ///
    /// It waits for the activity to close, since attempts before the last one may fail unseen.
    /// `version` is that of the worker that closes it.
    mutating func appendDeferredStarted(
        _ activity: StoredActivity, _ version: Temporal_Api_Common_V1_WorkerVersionStamp? = nil
    ) {
        guard activity.isStarted else { return }
        self.append(
            .activityTaskStarted,
            .activityTaskStartedEventAttributes(
                .with {
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.identity = activity.startedIdentity
                    $0.requestID = activity.startRequestID
                    $0.attempt = activity.attempt
                    if activity.hasLastFailure { $0.lastFailure = activity.lastFailure }
                    if let version { $0.workerVersion = version }
                })
        ) { $0.eventTime = Timestamp(nanoseconds: activity.startedAt).proto }
    }

    mutating func completeActivity(
        _ activity: StoredActivity, result: Payloads?, by worker: TaskWorker
    ) {
        self.appendDeferredStarted(activity, worker.version)
        self.append(
            .activityTaskCompleted,
            .activityTaskCompletedEventAttributes(
                .with {
                    if let result { $0.result = result }
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.identity = worker.identity
                }))
        self.needsWorkflowTask = true
    }

    mutating func failActivity(
        _ activity: StoredActivity, failure: Failure?, retryState: RetryState, by worker: TaskWorker
    ) {
        self.appendDeferredStarted(activity, worker.version)
        self.append(
            .activityTaskFailed,
            .activityTaskFailedEventAttributes(
                .with {
                    if let failure { $0.failure = failure }
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.identity = worker.identity
                    $0.retryState = retryState
                }))
        self.needsWorkflowTask = true
    }

    mutating func cancelActivity(
        _ activity: StoredActivity, details: Payloads?, by worker: TaskWorker
    ) {
        self.appendDeferredStarted(activity, worker.version)
        self.append(
            .activityTaskCanceled,
            .activityTaskCanceledEventAttributes(
                .with {
                    if let details { $0.details = details }
                    $0.latestCancelRequestedEventID = activity.cancelRequestedEventID
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.identity = worker.identity
                }))
        self.needsWorkflowTask = true
    }
}

extension MutableState {
    /// An activity's priority: what it leaves open is its run's.
    func priority(of activity: StoredActivity) -> Temporal_Api_Common_V1_Priority {
        var priority = self.info.priority
        if activity.priority.priorityKey != 0 {
            priority.priorityKey = activity.priority.priorityKey
        }
        if !activity.priority.fairnessKey.isEmpty {
            priority.fairnessKey = activity.priority.fairnessKey
        }
        if activity.priority.fairnessWeight != 0 {
            priority.fairnessWeight = activity.priority.fairnessWeight
        }
        return priority
    }
}
