import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func scheduleActivity(
        _ attributes: Temporal_Api_Command_V1_ScheduleActivityTaskCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badScheduleActivityAttributes
        try self.check(
            attributes.activityID, cause,
            missing: "ActivityId is not set on ScheduleActivityTaskCommand.",
            tooLong: "ActivityId on ScheduleActivityTaskCommand exceeds length limit.")
        try self.check(
            attributes.activityType.name, cause,
            missing: "ActivityType is not set on ScheduleActivityTaskCommand.",
            tooLong: "ActivityType on ScheduleActivityTaskCommand exceeds length limit.")
        try self.check(
            size: size(of: attributes.input),
            of: "ScheduleActivityTaskCommandAttributes.Input", cause)
        let queue =
            attributes.taskQueue.name.isEmpty
            ? self.state.info.taskQueue : attributes.taskQueue.name
        if let flaw = self.flaw(ofTaskQueue: queue) {
            throw CommandFailure(
                cause,
                "invalid TaskQueue on ScheduleActivityTaskCommand: \(flaw). ActivityId=\(attributes.activityID) ActivityType=\(attributes.activityType.name) TaskQueue=\(queue)"
            )
        }
        if attributes.hasPriority, let flaw = attributes.priority.flaw {
            throw CommandFailure(cause, flaw)
        }
        if attributes.hasRetryPolicy, let flaw = attributes.retryPolicy.flaw {
            throw CommandFailure(cause, flaw)
        }
        let timeouts = try self.timeouts(attributes)
        if self.state.activity(named: attributes.activityID) != nil {
            throw CommandFailure(
                .scheduleActivityDuplicateID, "ActivityId is already in use by a pending activity.")
        }
        try self.checkPending(
            self.state.activities.count, self.settings.pendingActivitiesMax, "pending activities",
            .pendingActivitiesLimitExceeded)
        let event = self.append(
            .activityTaskScheduled,
            .activityTaskScheduledEventAttributes(
                .with {
                    $0.activityID = attributes.activityID
                    $0.activityType = attributes.activityType
                    $0.taskQueue = .with {
                        $0.name = queue
                        $0.kind = .normal
                    }
                    if attributes.hasHeader { $0.header = attributes.header }
                    if attributes.hasInput { $0.input = attributes.input }
                    $0.scheduleToCloseTimeout = timeouts.scheduleToClose.proto
                    $0.scheduleToStartTimeout = timeouts.scheduleToStart.proto
                    $0.startToCloseTimeout = timeouts.startToClose.proto
                    $0.heartbeatTimeout = timeouts.heartbeat.proto
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.retryPolicy = attributes.retryPolicy.withDefaults
                    $0.useWorkflowBuildID = attributes.useWorkflowBuildID
                    if attributes.hasPriority { $0.priority = attributes.priority }
                })
        ) { annotate(&$0, from: command) }
        guard let activity = self.state.activities[event.eventID] else { return }
        if attributes.requestEagerExecution, self.settings.enableActivityEagerExecution {
            self.eagerActivities.append(event.eventID)
        } else {
            self.dispatch(activity)
        }
    }

    private func timeouts(
        _ attributes: Temporal_Api_Command_V1_ScheduleActivityTaskCommandAttributes
    ) throws(CommandFailure) -> ActivityTimeouts {
        do throws(ServiceError) {
            return try ActivityTimeouts(
                .init(attributes), of: attributes.activityID, attributes.activityType.name,
                runTimeout: .nanoseconds(self.state.info.runTimeoutNs))
        } catch {
            throw CommandFailure(.badScheduleActivityAttributes, error.message)
        }
    }
}
