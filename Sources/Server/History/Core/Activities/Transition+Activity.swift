import Primitives
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
    private mutating func appendDeferredStarted(_ activity: StoredActivity) {
        guard activity.startedAt != 0 else { return }
        self.append(
            .activityTaskStarted,
            .activityTaskStartedEventAttributes(
                .with {
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.identity = activity.startedIdentity
                    $0.requestID = activity.startRequestID
                    $0.attempt = activity.attempt
                    if activity.hasLastFailure { $0.lastFailure = activity.lastFailure }
                })
        ) { $0.eventTime = Timestamp(nanoseconds: activity.startedAt).proto }
    }

    mutating func completeActivity(
        _ activity: StoredActivity, result: Payloads?, identity: String
    ) {
        self.appendDeferredStarted(activity)
        self.append(
            .activityTaskCompleted,
            .activityTaskCompletedEventAttributes(
                .with {
                    if let result { $0.result = result }
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.identity = identity
                }))
        self.needsWorkflowTask = true
    }

    mutating func failActivity(
        _ activity: StoredActivity, failure: Failure?, retryState: RetryState, identity: String
    ) {
        self.appendDeferredStarted(activity)
        self.append(
            .activityTaskFailed,
            .activityTaskFailedEventAttributes(
                .with {
                    if let failure { $0.failure = failure }
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.identity = identity
                    $0.retryState = retryState
                }))
        self.needsWorkflowTask = true
    }

    mutating func cancelActivity(
        _ activity: StoredActivity, details: Payloads?, identity: String
    ) {
        self.appendDeferredStarted(activity)
        self.append(
            .activityTaskCanceled,
            .activityTaskCanceledEventAttributes(
                .with {
                    if let details { $0.details = details }
                    $0.latestCancelRequestedEventID = activity.cancelRequestedEventID
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.identity = identity
                }))
        self.needsWorkflowTask = true
    }

    /// Lets another attempt follow a failed one if the retry policy and the time left allow it.
    /// - Returns: `inProgress` if there will be another attempt, otherwise why there is none.
    mutating func retryActivity(
        _ activity: StoredActivity, after failure: Failure?, workerIdentity: String
    ) -> RetryState {
        if activity.cancelRequested { return .cancelRequested }
        let expiration =
            activity.scheduleToCloseNs > 0
            ? Timestamp(nanoseconds: activity.firstScheduledAt.after(activity.scheduleToCloseNs))
            : nil
        let decision = RetryDecision(
            policy: activity.retryPolicy, attempt: activity.attempt, failure: failure,
            now: self.now, expiration: expiration, capsNextRetryDelay: false)
        switch decision {
        case .giveUp(let state): return state
        case .retry(let interval):
            var next = activity
            next.attempt += 1
            next.stamp += 1
            next.scheduledAt = (self.now + interval).nanoseconds
            next.backingOff = true
            next.startedAt = 0
            next.startRequestID = ""
            next.startedIdentity = ""
            next.lastAttemptCompleteAt = self.now.nanoseconds
            next.lastWorkerIdentity = workerIdentity
            if let failure { next.lastFailure = failure.truncatedForRetry }
            self.put(next)
            return .inProgress
        }
    }

    /// The back-off of an activity is over: its attempt goes to matching.
    mutating func resumeActivity(_ scheduledEventID: Int64) {
        guard var activity = self.state.activities[scheduledEventID], activity.backingOff,
            activity.scheduledAt <= self.now.nanoseconds
        else { return }
        activity.backingOff = false
        self.put(activity)
        self.dispatch(activity)
    }

    /// One of the activity's timeouts has passed: another attempt, or its end.
    mutating func timeOutActivity(_ scheduledEventID: Int64, _ deadline: ActivityDeadline) {
        guard let activity = self.state.activities[scheduledEventID] else { return }
        let type = deadline.timeoutType
        let failure = Failure.activityTimeout(type)
        let state = self.retryActivity(
            activity, after: failure, workerIdentity: activity.startedIdentity)
        if state == .inProgress { return }
        var final = failure
        if state == .timeout, type != .scheduleToStart {
            final.message =
                "Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying"
            final.timeoutFailureInfo.timeoutType = .scheduleToClose
        }
        if activity.hasLastHeartbeatDetails {
            final.timeoutFailureInfo.lastHeartbeatDetails = activity.lastHeartbeatDetails
        }
        // The last real failure of an earlier attempt says more than the timeout alone.
        if activity.hasLastFailure { final.cause = activity.lastFailure }
        self.appendDeferredStarted(activity)
        self.append(
            .activityTaskTimedOut,
            .activityTaskTimedOutEventAttributes(
                .with {
                    $0.failure = final
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.retryState = state
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

extension ActivityDeadline {
    fileprivate var timeoutType: Temporal_Api_Enums_V1_TimeoutType {
        switch self {
        case .scheduleToStart: .scheduleToStart
        case .scheduleToClose: .scheduleToClose
        case .startToClose: .startToClose
        case .heartbeat: .heartbeat
        case .retry: .unspecified
        }
    }
}

extension Failure {
    /// What the server reports for an activity that ran into a timeout.
    static func activityTimeout(_ type: Temporal_Api_Enums_V1_TimeoutType) -> Failure {
        .with {
            $0.message = "activity \(type.shortName) timeout"
            $0.source = "Server"
            $0.timeoutFailureInfo.timeoutType = type
        }
    }

    /// What is kept of a failure between attempts: at most 4 KiB.
    var truncatedForRetry: Failure {
        let sizeMax = 4 * 1_024
        guard MutableState.bytes(self).count > sizeMax else { return self }
        return .with {
            $0.message = String(self.message.prefix(sizeMax / 4))
            $0.source = self.source
            $0.serverFailureInfo = .with {
                $0.nonRetryable = self.applicationFailureInfo.nonRetryable
            }
        }
    }
}

extension Temporal_Api_Enums_V1_TimeoutType {
    /// The name used in messages and in non-retryable error types.
    var shortName: String {
        switch self {
        case .startToClose: "StartToClose"
        case .scheduleToStart: "ScheduleToStart"
        case .scheduleToClose: "ScheduleToClose"
        case .heartbeat: "Heartbeat"
        case .unspecified, .UNRECOGNIZED: "Unspecified"
        }
    }
}
