import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// A poll takes an activity task, if the task still stands for something.
    mutating func recordStarted(
        _ start: ActivityTaskStart, _ call: Call, _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(start.runID, for: call, &effects) else { return }
        let key = run.state.key
        guard var activity = run.state.activities[start.scheduledEventID] else {
            return self.refuse(call.id, .obsoleteTask, seeing: key, &effects)
        }
        if activity.isStarted {
            guard activity.startRequestID == start.requestID else {
                return self.refuse(
                    call.id, ServiceError(.taskAlreadyStarted, "Activity task already started."),
                    seeing: key, &effects)
            }
        } else {
            // An operator may have changed it since the task was handed out.
            guard activity.stamp == start.stamp, !activity.backingOff, !activity.hasPause else {
                return self.refuse(call.id, .obsoleteTask, seeing: key, &effects)
            }
            activity.start(
                requestID: start.requestID, identity: start.worker.identity, now: self.now)
            var transition = self.transition(of: run)
            transition.put(activity)
            self.accept(transition, &effects)
        }
        self.reply(
            call.id, .activityTaskStarted(run.state.task(of: activity)), seeing: key, &effects)
    }
}

extension MutableState {
    /// What a worker gets for an activity's current attempt.
    func task(of activity: StoredActivity) -> PollActivityTaskResponse {
        let scheduled =
            self.activityScheduledEvents[activity.scheduledEventID]?
            .activityTaskScheduledEventAttributes ?? .init()
        let token = StoredTaskToken.with {
            $0.namespaceID = self.info.namespaceID
            $0.workflowID = self.info.workflowID
            $0.runID = self.info.runID
            $0.scheduledEventID = activity.scheduledEventID
            $0.startedAt = activity.startedAt
            $0.attempt = activity.attempt
            $0.activityID = activity.activityID
            $0.activityType = activity.activityType
        }
        return .with {
            $0.taskToken = Data(MutableState.bytes(token))
            $0.workflowNamespace = self.info.namespaceName
            $0.workflowType.name = self.info.workflowType
            $0.workflowExecution = self.execution
            $0.activityType = scheduled.activityType
            $0.activityID = activity.activityID
            if scheduled.hasHeader { $0.header = scheduled.header }
            if scheduled.hasInput { $0.input = scheduled.input }
            if activity.hasLastHeartbeatDetails {
                $0.heartbeatDetails = activity.lastHeartbeatDetails
            }
            $0.scheduledTime = Timestamp(nanoseconds: activity.firstScheduledAt).proto
            $0.currentAttemptScheduledTime = Timestamp(nanoseconds: activity.scheduledAt).proto
            $0.startedTime = Timestamp(nanoseconds: activity.startedAt).proto
            $0.attempt = activity.attempt
            $0.scheduleToCloseTimeout = Duration.nanoseconds(activity.scheduleToCloseNs).proto
            $0.startToCloseTimeout = Duration.nanoseconds(activity.startToCloseNs).proto
            $0.heartbeatTimeout = Duration.nanoseconds(activity.heartbeatNs).proto
            $0.retryPolicy = activity.retryPolicy
            $0.priority = self.priority(of: activity)
        }
    }
}
