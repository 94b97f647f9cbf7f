import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension Transition {
    /// Does what an operator asks to every selected activity, or to none.
    /// - Returns: the options of the last one changed.
    mutating func change(
        _ selection: ActivitySelection, _ change: ActivityChange
    ) throws(ServiceError) -> Temporal_Api_Activity_V1_ActivityOptions {
        var options = Temporal_Api_Activity_V1_ActivityOptions()
        for activity in try self.state.selected(selection) {
            switch change {
            case .pause(let identity, let reason, let requestID):
                try self.pause(
                    activity,
                    .with {
                        $0.pausedAt = self.now.nanoseconds
                        $0.identity = identity
                        $0.reason = reason
                        $0.requestID = requestID
                    })
            case .unpause(let resetsAttempts, let resetsHeartbeat, let jitter):
                self.unpause(activity, resetsAttempts, resetsHeartbeat, jitter)
            case .reset(let resetsHeartbeat, let keepsPaused, let restoresOptions, let jitter):
                self.reset(activity, resetsHeartbeat, keepsPaused, restoresOptions, jitter)
            case .update(let wanted, let fields):
                options = try self.update(activity, wanted, fields)
            case .restoreOptions:
                var restored = activity
                restored.restoreOptions(
                    self.state.activityScheduledEvents[activity.scheduledEventID])
                self.putChanged(restored)
                options = restored.options
            }
        }
        return options
    }

    /// Keeps the next attempt from being handed out; one that is with a worker goes on.
    private mutating func pause(
        _ activity: StoredActivity, _ pause: StoredPause
    ) throws(ServiceError) {
        guard !activity.hasPause else {
            if activity.pause.requestID == pause.requestID { return }
            throw ServiceError(.failedPrecondition, "activity is already paused")
        }
        var activity = activity
        if !activity.isStarted, !activity.cancelRequested { activity.stamp += 1 }
        activity.pause = pause
        self.put(activity)
    }

    private mutating func unpause(
        _ activity: StoredActivity, _ resetsAttempts: Bool, _ resetsHeartbeat: Bool,
        _ jitter: Duration
    ) {
        guard activity.hasPause else { return }
        var activity = activity
        activity.clearPause()
        activity.stamp += 1
        if resetsAttempts { activity.attempt = 1 }
        if resetsHeartbeat { activity.forgetHeartbeat() }
        self.put(activity)
        if !activity.isStarted { self.reschedule(activity, at: self.soon(within: jitter)) }
    }

    /// Counts attempts from the beginning again; the worker that has one is told of it.
    private mutating func reset(
        _ activity: StoredActivity, _ resetsHeartbeat: Bool, _ keepsPaused: Bool,
        _ restoresOptions: Bool, _ jitter: Duration
    ) {
        var activity = activity
        activity.attempt = 1
        activity.resetRequested = true
        if resetsHeartbeat { activity.resetHeartbeat = true }
        if restoresOptions {
            activity.restoreOptions(self.state.activityScheduledEvents[activity.scheduledEventID])
            activity.stamp += 1
        }
        if activity.hasPause, !keepsPaused {
            activity.clearPause()
            activity.stamp += 1
        }
        self.put(activity)
        guard !activity.isStarted, !activity.hasPause else { return }
        activity.stamp += 1
        self.reschedule(activity, at: self.soon(within: jitter))
    }

    private mutating func update(
        _ activity: StoredActivity, _ wanted: Temporal_Api_Activity_V1_ActivityOptions,
        _ fields: Set<String>
    ) throws(ServiceError) -> Temporal_Api_Activity_V1_ActivityOptions {
        var options = activity.options
        try options.merge(wanted, fields)
        if fields.contains(where: { $0.hasPrefix("retryPolicy") }) {
            if let flaw = options.retryPolicy.flaw { throw .invalidArgument(flaw) }
            options.retryPolicy = options.retryPolicy.withDefaults
        }
        let timeouts = try ActivityTimeouts(
            .init(options), of: activity.activityID, activity.activityType, runTimeout: .zero)
        var changed = activity
        changed.put(timeouts)
        if !options.taskQueue.name.isEmpty { changed.taskQueue = options.taskQueue.name }
        let nonRetryable = changed.retryPolicy.nonRetryableErrorTypes
        changed.retryPolicy = options.retryPolicy
        changed.retryPolicy.nonRetryableErrorTypes = nonRetryable
        if options.hasPriority {
            changed.priority = options.priority
        } else {
            changed.clearPriority()
        }
        self.putChanged(changed)
        return changed.options
    }

    /// Puts an activity with other options; an attempt that waits is scheduled anew by them.
    private mutating func putChanged(_ activity: StoredActivity) {
        var activity = activity
        activity.stamp += 1
        self.put(activity)
        guard !activity.isStarted, !activity.cancelRequested else { return }
        self.reschedule(activity, at: activity.nextAttemptByPolicy)
    }

    /// Now, or a little later, so that many activities do not start at once.
    private mutating func soon(within jitter: Duration) -> Timestamp {
        let nanoseconds = jitter.nanoseconds
        guard nanoseconds > 0 else { return self.now }
        return self.now + .nanoseconds(Int64.random(in: 0..<nanoseconds, using: &self.generator))
    }
}

extension MutableState {
    /// The pending activities an operator means, by their scheduled events.
    /// - Throws: `notFound` if there are none.
    fileprivate func selected(
        _ selection: ActivitySelection
    ) throws(ServiceError) -> [StoredActivity] {
        let found: [StoredActivity]
        switch selection {
        case .id(let id): found = self.activity(named: id).map { [$0] } ?? []
        case .type(let type): found = self.activities.values.filter { $0.activityType == type }
        case .all: found = Array(self.activities.values)
        }
        guard !found.isEmpty else {
            throw .notFound(
                "Can't find pending activity with such ID. Invalid activityID or activity already completed"
            )
        }
        return found.sorted { $0.scheduledEventID < $1.scheduledEventID }
    }
}

extension StoredActivity {
    /// Takes the options over that its workflow gave it.
    fileprivate mutating func restoreOptions(_ event: HistoryEvent?) {
        guard let attributes = event?.activityTaskScheduledEventAttributes else { return }
        self.taskQueue = attributes.taskQueue.name
        self.scheduleToCloseNs = Duration(clamping: attributes.scheduleToCloseTimeout).nanoseconds
        self.scheduleToStartNs = Duration(clamping: attributes.scheduleToStartTimeout).nanoseconds
        self.startToCloseNs = Duration(clamping: attributes.startToCloseTimeout).nanoseconds
        self.heartbeatNs = Duration(clamping: attributes.heartbeatTimeout).nanoseconds
        self.retryPolicy = attributes.retryPolicy
        if attributes.hasPriority {
            self.priority = attributes.priority
        } else {
            self.clearPriority()
        }
    }
}

extension Temporal_Api_Activity_V1_ActivityOptions {
    /// Takes over what `fields` names.
    /// - Throws: `invalidArgument` if a part of a message is named that is not there.
    fileprivate mutating func merge(
        _ other: Self, _ fields: Set<String>
    ) throws(ServiceError) {
        if fields.contains("taskQueue.name") {
            guard other.hasTaskQueue else { throw .invalidArgument("TaskQueue is not provided") }
            self.taskQueue.name = other.taskQueue.name
        }
        if fields.contains("scheduleToCloseTimeout") {
            self.scheduleToCloseTimeout = other.scheduleToCloseTimeout
        }
        if fields.contains("scheduleToStartTimeout") {
            self.scheduleToStartTimeout = other.scheduleToStartTimeout
        }
        if fields.contains("startToCloseTimeout") {
            self.startToCloseTimeout = other.startToCloseTimeout
        }
        if fields.contains("heartbeatTimeout") { self.heartbeatTimeout = other.heartbeatTimeout }
        try self.mergePriority(other, fields)
        try self.mergeRetryPolicy(other, fields)
    }

    private mutating func mergePriority(_ other: Self, _ fields: Set<String>) throws(ServiceError) {
        if fields.contains("priority") {
            if other.hasPriority { self.priority = other.priority } else { self.clearPriority() }
        }
        guard fields.contains(where: { $0.hasPrefix("priority.") }) else { return }
        guard other.hasPriority else { throw .invalidArgument("Priority is not provided") }
        if fields.contains("priority.priorityKey") {
            self.priority.priorityKey = other.priority.priorityKey
        }
        if fields.contains("priority.fairnessKey") {
            self.priority.fairnessKey = other.priority.fairnessKey
        }
        if fields.contains("priority.fairnessWeight") {
            self.priority.fairnessWeight = other.priority.fairnessWeight
        }
    }

    private mutating func mergeRetryPolicy(
        _ other: Self, _ fields: Set<String>
    ) throws(ServiceError) {
        guard fields.contains(where: { $0 == "retryPolicy" || $0.hasPrefix("retryPolicy.") })
        else { return }
        guard other.hasRetryPolicy else { throw .invalidArgument("RetryPolicy is not provided") }
        if fields.contains("retryPolicy") { self.retryPolicy = other.retryPolicy }
        if fields.contains("retryPolicy.initialInterval") {
            self.retryPolicy.initialInterval = other.retryPolicy.initialInterval
        }
        if fields.contains("retryPolicy.backoffCoefficient") {
            self.retryPolicy.backoffCoefficient = other.retryPolicy.backoffCoefficient
        }
        if fields.contains("retryPolicy.maximumInterval") {
            self.retryPolicy.maximumInterval = other.retryPolicy.maximumInterval
        }
        if fields.contains("retryPolicy.maximumAttempts") {
            self.retryPolicy.maximumAttempts = other.retryPolicy.maximumAttempts
        }
    }
}
