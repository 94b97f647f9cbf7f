import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    /// Lets another attempt follow a failed one if the retry policy and the time left allow it.
    /// - Returns: `inProgress` if there will be another attempt, otherwise why there is none.
    mutating func retryActivity(
        _ activity: StoredActivity, after failure: Failure?, workerIdentity: String
    ) -> RetryState {
        switch activity.next(after: failure, workerIdentity: workerIdentity, now: self.now) {
        case .end(let state): return state
        case .attempt(let next):
            self.put(next)
            return .inProgress
        }
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
            final = final.noTimeToRetry
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

extension StoredActivity {
    /// What follows a failed attempt.
    enum Next {
        case attempt(StoredActivity)
        /// Nothing; why.
        case end(RetryState)
    }

    /// Whether the retry policy and the time left allow another attempt.
    func next(after failure: Failure?, workerIdentity: String, now: Timestamp) -> Next {
        if self.cancelRequested { return .end(.cancelRequested) }
        if let failure, let state = RetryDecision.end(after: failure, self.retryPolicy) {
            return .end(state)
        }
        if self.hasPause {
            // Whoever ends the pause decides when it goes on; until then nothing is due.
            return .attempt(self.attempt(after: failure, workerIdentity, now))
        }
        let expiration =
            self.scheduleToCloseNs > 0
            ? Timestamp(nanoseconds: self.firstScheduledAt.after(self.scheduleToCloseNs)) : nil
        let decision = RetryDecision(
            policy: self.retryPolicy, attempt: self.attempt, failure: failure, now: now,
            expiration: expiration, capsNextRetryDelay: false)
        switch decision {
        case .giveUp(let state): return .end(state)
        case .retry(let interval):
            var next = self.attempt(after: failure, workerIdentity, now)
            next.scheduledAt = (now + interval).nanoseconds
            next.backingOff = true
            next.endReset()
            return .attempt(next)
        }
    }

    private func attempt(
        after failure: Failure?, _ workerIdentity: String, _ now: Timestamp
    ) -> StoredActivity {
        var next = self
        next.attempt += 1
        next.stamp += 1
        next.clearStarted()
        next.lastAttemptCompleteAt = now.nanoseconds
        next.lastWorkerIdentity = workerIdentity
        if let failure {
            next.lastFailure = failure.truncatedForRetry
        } else {
            next.clearLastFailure()
        }
        return next
    }
}
