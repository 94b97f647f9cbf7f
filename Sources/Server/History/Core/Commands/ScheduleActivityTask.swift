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
            size: size(of: attributes.input) + size(of: attributes.header),
            of: "ScheduleActivityTaskCommandAttributes.Input", cause)
        let queue =
            attributes.taskQueue.name.isEmpty
            ? self.state.info.taskQueue : attributes.taskQueue.name
        if queue.utf8.count > self.settings.idLengthMax || queue.hasPrefix("/_sys/") {
            throw CommandFailure(cause, "TaskQueue on ScheduleActivityTaskCommand is not valid.")
        }
        if attributes.hasRetryPolicy, let flaw = attributes.retryPolicy.flaw {
            throw CommandFailure(cause, flaw)
        }
        let timeouts = try ActivityTimeouts(
            attributes, runTimeout: .nanoseconds(self.state.info.runTimeoutNs))
        if self.state.activity(named: attributes.activityID) != nil {
            throw CommandFailure(
                .scheduleActivityDuplicateID, "ActivityId is already in use by a pending activity.")
        }
        guard self.state.activities.count < self.settings.pendingActivitiesMax else {
            throw CommandFailure(
                .pendingActivitiesLimitExceeded,
                "the number of pending activities, \(self.state.activities.count), has reached the per-workflow limit of \(self.settings.pendingActivitiesMax)"
            )
        }
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
                    if attributes.hasPriority { $0.priority = attributes.priority }
                })
        ) { annotate(&$0, from: command) }
        if let activity = self.state.activities[event.eventID] { self.dispatch(activity) }
    }
}

/// An activity's timeouts after normalisation; zero is "none".
struct ActivityTimeouts: Equatable, Sendable {
    var scheduleToClose: Duration
    var scheduleToStart: Duration
    var startToClose: Duration
    var heartbeat: Duration

    /// Fills in what is missing from what is given, as far as the run's own timeout.
    init(
        _ attributes: Temporal_Api_Command_V1_ScheduleActivityTaskCommandAttributes,
        runTimeout: Duration
    ) throws(CommandFailure) {
        self.scheduleToClose = Duration(clamping: attributes.scheduleToCloseTimeout)
        self.scheduleToStart = Duration(clamping: attributes.scheduleToStartTimeout)
        self.startToClose = Duration(clamping: attributes.startToCloseTimeout)
        self.heartbeat = Duration(clamping: attributes.heartbeatTimeout)
        let all = [self.scheduleToClose, self.scheduleToStart, self.startToClose, self.heartbeat]
        guard all.allSatisfy({ $0 >= .zero }) else {
            throw CommandFailure(
                .badScheduleActivityAttributes, "A valid timeout may not be negative.")
        }
        if self.scheduleToClose > .zero {
            self.scheduleToStart = Self.limited(self.scheduleToStart, to: self.scheduleToClose)
            self.startToClose = Self.limited(self.startToClose, to: self.scheduleToClose)
        } else if self.startToClose > .zero {
            self.scheduleToClose = runTimeout
            if self.scheduleToStart == .zero { self.scheduleToStart = runTimeout }
        } else {
            throw CommandFailure(
                .badScheduleActivityAttributes,
                "A valid StartToClose or ScheduleToCloseTimeout is not set on command.")
        }
        if runTimeout > .zero {
            self.scheduleToClose = min(self.scheduleToClose, runTimeout)
            self.scheduleToStart = min(self.scheduleToStart, runTimeout)
            self.startToClose = min(self.startToClose, runTimeout)
            self.heartbeat = min(self.heartbeat, runTimeout)
        }
        self.heartbeat = min(self.heartbeat, self.startToClose)
    }

    private static func limited(_ timeout: Duration, to limit: Duration) -> Duration {
        timeout == .zero ? limit : min(timeout, limit)
    }
}
