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
        let queue =
            attributes.taskQueue.name.isEmpty
            ? self.state.info.taskQueue : attributes.taskQueue.name
        let rules = ActivityRules(idLengthMax: self.settings.idLengthMax)
        let flaw =
            self.flaw(ofTaskQueue: queue)
            ?? rules.flaw(
                id: attributes.activityID, type: attributes.activityType.name,
                attributes.retryPolicy, attributes.priority)
        if let flaw { throw CommandFailure(cause, flaw) }
        let timeouts = try self.timeouts(attributes)
        try self.checkBuild(
            isKept: attributes.useWorkflowBuildID, on: queue, "Activity", cause)
        try self.check(
            size: size(of: attributes.input),
            of: "ScheduleActivityTaskCommandAttributes.Input", cause)
        if self.state.activity(named: attributes.activityID) != nil {
            throw .notNow(
                .scheduleActivityDuplicateID, "add-activitytask-scheduled-event",
                "ActivityID: \(attributes.activityID)")
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
