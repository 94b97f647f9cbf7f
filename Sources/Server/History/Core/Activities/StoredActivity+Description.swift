import Primitives
import SwiftProtobuf
import TemporalAPI

extension StoredActivity {
    /// What describing its run tells of it.
    var description: Temporal_Api_Workflow_V1_PendingActivityInfo {
        .with {
            $0.activityID = self.activityID
            $0.activityType.name = self.activityType
            $0.state = self.pendingState
            $0.attempt = self.attempt
            $0.maximumAttempts = self.retryPolicy.maximumAttempts
            $0.scheduledTime = Timestamp(nanoseconds: self.scheduledAt).proto
            if self.scheduleToCloseNs > 0 {
                let expiration = self.firstScheduledAt.after(self.scheduleToCloseNs)
                $0.expirationTime = Timestamp(nanoseconds: expiration).proto
            }
            if self.isStarted {
                $0.lastStartedTime = Timestamp(nanoseconds: self.startedAt).proto
                $0.lastWorkerIdentity = self.startedIdentity
            } else {
                $0.lastWorkerIdentity = self.lastWorkerIdentity
            }
            if self.hasLastHeartbeatDetails { $0.heartbeatDetails = self.lastHeartbeatDetails }
            if self.lastHeartbeatAt != 0 {
                $0.lastHeartbeatTime = Timestamp(nanoseconds: self.lastHeartbeatAt).proto
            }
            if self.hasLastFailure { $0.lastFailure = self.lastFailure }
            if self.lastAttemptCompleteAt != 0 {
                $0.lastAttemptCompleteTime =
                    Timestamp(nanoseconds: self.lastAttemptCompleteAt).proto
            }
            if self.backingOff, !self.hasPause {
                $0.nextAttemptScheduleTime = Timestamp(nanoseconds: self.scheduledAt).proto
                $0.currentRetryInterval =
                    Duration.nanoseconds(self.scheduledAt - self.lastAttemptCompleteAt).proto
            }
            if self.hasPriority { $0.priority = self.priority }
            if self.hasPause {
                $0.paused = true
                $0.pauseInfo = .with {
                    $0.pauseTime = Timestamp(nanoseconds: self.pause.pausedAt).proto
                    $0.manual = .with {
                        $0.identity = self.pause.identity
                        $0.reason = self.pause.reason
                    }
                }
            }
            $0.activityOptions = self.options
            $0.activityOptions.taskQueue.normalName = self.taskQueue
        }
    }

    private var pendingState: Temporal_Api_Enums_V1_PendingActivityState {
        if self.cancelRequested { return .cancelRequested }
        if self.hasPause { return self.isStarted ? .pauseRequested : .paused }
        return self.isStarted ? .started : .scheduled
    }
}
