import Primitives
import SwiftProtobuf
import TemporalAPI

extension StoredActivity {
    /// Whether an attempt is with a worker.
    var isStarted: Bool { self.startedAt != 0 }

    /// Takes the attempt away from its worker.
    mutating func clearStarted() {
        self.startedAt = 0
        self.startRequestID = ""
        self.startedIdentity = ""
    }

    /// Marks the current attempt as taken by a worker.
    mutating func start(requestID: String, identity: String, now: Timestamp) {
        self.startedAt = now.nanoseconds
        self.startRequestID = requestID
        self.startedIdentity = identity
        // Heartbeats of an earlier attempt say nothing about this one.
        self.lastHeartbeatAt = 0
    }

    /// Makes the current attempt wait until `time`; what matching may hold of it is void.
    mutating func reschedule(at time: Timestamp) {
        let identity = self.startedIdentity
        self.clearStarted()
        if !identity.isEmpty { self.lastWorkerIdentity = identity }
        self.scheduledAt = time.nanoseconds
        self.backingOff = true
        self.clearLastFailure()
        self.endReset()
    }

    /// The attempt during which the activity was reset is over.
    mutating func endReset() {
        if self.resetHeartbeat { self.forgetHeartbeat() }
        self.resetRequested = false
        self.resetHeartbeat = false
    }

    mutating func forgetHeartbeat() {
        self.clearLastHeartbeatDetails()
        self.lastHeartbeatAt = 0
    }

    /// When the attempt after a failed one is due by the retry policy, counted from that failure.
    var nextAttemptByPolicy: Timestamp {
        let scheduled = Timestamp(nanoseconds: self.scheduledAt)
        guard self.attempt > 1,
            let interval = RetryDecision.interval(self.retryPolicy, attempt: self.attempt)
        else { return scheduled }
        return Timestamp(nanoseconds: self.lastAttemptCompleteAt) + interval
    }

    mutating func put(_ timeouts: ActivityTimeouts) {
        self.scheduleToCloseNs = timeouts.scheduleToClose.nanoseconds
        self.scheduleToStartNs = timeouts.scheduleToStart.nanoseconds
        self.startToCloseNs = timeouts.startToClose.nanoseconds
        self.heartbeatNs = timeouts.heartbeat.nanoseconds
    }

    /// Its options as operators see and change them.
    var options: Temporal_Api_Activity_V1_ActivityOptions {
        .with {
            $0.taskQueue.name = self.taskQueue
            $0.scheduleToCloseTimeout = Duration.nanoseconds(self.scheduleToCloseNs).proto
            $0.scheduleToStartTimeout = Duration.nanoseconds(self.scheduleToStartNs).proto
            $0.startToCloseTimeout = Duration.nanoseconds(self.startToCloseNs).proto
            $0.heartbeatTimeout = Duration.nanoseconds(self.heartbeatNs).proto
            $0.retryPolicy = self.retryPolicy
            // Cannot be changed, and not shown.
            $0.retryPolicy.nonRetryableErrorTypes = []
            if self.hasPriority { $0.priority = self.priority }
        }
    }
}
