import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    /// Lets another attempt follow a failed one if the retry policy and the time left allow it.
    /// - Returns: `inProgress` if there will be another attempt, otherwise why there is none.
    mutating func retryActivity(
        _ activity: StoredActivity, after failure: Failure?, workerIdentity: String
    ) -> RetryState {
        if activity.cancelRequested { return .cancelRequested }
        if let failure, let state = RetryDecision.end(after: failure, activity.retryPolicy) {
            return state
        }
        if activity.hasPause {
            // Whoever ends the pause decides when it goes on; until then nothing is due.
            self.put(self.attempt(after: activity, failure, workerIdentity: workerIdentity))
            return .inProgress
        }
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
            var next = self.attempt(after: activity, failure, workerIdentity: workerIdentity)
            next.scheduledAt = (self.now + interval).nanoseconds
            next.backingOff = true
            next.endReset()
            self.put(next)
            return .inProgress
        }
    }

    private func attempt(
        after activity: StoredActivity, _ failure: Failure?, workerIdentity: String
    ) -> StoredActivity {
        var next = activity
        next.attempt += 1
        next.stamp += 1
        next.clearStarted()
        next.lastAttemptCompleteAt = self.now.nanoseconds
        next.lastWorkerIdentity = workerIdentity
        if let failure {
            next.lastFailure = failure.truncatedForRetry
        } else {
            next.clearLastFailure()
        }
        return next
    }

    /// Lets the current attempt begin at `time`: at once, or after a wait.
    mutating func reschedule(_ activity: StoredActivity, at time: Timestamp) {
        var activity = activity
        activity.reschedule(at: time)
        self.put(activity)
        self.resumeActivity(activity.scheduledEventID)
    }

    /// The back-off of an activity is over: its attempt goes to matching.
    mutating func resumeActivity(_ scheduledEventID: Int64) {
        guard var activity = self.state.activities[scheduledEventID], activity.backingOff,
            !activity.hasPause, activity.scheduledAt <= self.now.nanoseconds
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
