import Primitives
import SwiftProtobuf
import TemporalAPI

extension MutableState {
    /// Folds one event in, live and on rebuild; alone changes what history decides.
    ///
    /// Buffered events are applied when they enter the buffer, before they have an id.
    /// - Throws: ``HistoryCorrupted`` for an event that cannot follow this state.
    /// - Returns: the parts of the state that changed, besides the info.
    package mutating func apply(_ event: HistoryEvent) throws(HistoryCorrupted) -> [RunItem.Changed]
    {
        self.countExternalPayloads(in: event)
        switch event.attributes {
        case .workflowExecutionStartedEventAttributes: return self.applyStarted(event)
        case .workflowTaskScheduledEventAttributes, .workflowTaskStartedEventAttributes,
            .workflowTaskCompletedEventAttributes, .workflowTaskFailedEventAttributes,
            .workflowTaskTimedOutEventAttributes:
            return try self.applyWorkflowTask(event)
        case .activityTaskScheduledEventAttributes: return try self.applyActivityScheduled(event)
        case .activityTaskStartedEventAttributes: return self.applyActivityStarted(event)
        case .activityTaskCancelRequestedEventAttributes(let attributes):
            // Its end may wait in the buffer, for its worker to be told after this request.
            guard var activity = self.activities[attributes.scheduledEventID] else { return [] }
            activity.cancelRequested = true
            activity.cancelRequestedEventID = event.eventID
            self.put(activity)
            return [.activity(activity.scheduledEventID)]
        case .activityTaskCompletedEventAttributes(let attributes):
            return try self.applyActivityClosed(attributes.scheduledEventID)
        case .activityTaskFailedEventAttributes(let attributes):
            return try self.applyActivityClosed(attributes.scheduledEventID)
        case .activityTaskTimedOutEventAttributes(let attributes):
            return try self.applyActivityClosed(attributes.scheduledEventID)
        case .activityTaskCanceledEventAttributes(let attributes):
            return try self.applyActivityClosed(attributes.scheduledEventID)
        case .timerStartedEventAttributes, .timerFiredEventAttributes,
            .timerCanceledEventAttributes:
            return try self.applyTimer(event)
        default:
            if let changed = try self.applyToOthers(event) { return changed }
            return try self.applyToRun(event)
        }
    }

    private mutating func applyToRun(
        _ event: HistoryEvent
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        switch event.attributes {
        case .workflowExecutionSignaledEventAttributes(let attributes):
            self.info.signalCount += 1
            guard !attributes.requestID.isEmpty else { return [] }
            self.signalRequestIDs.insert(attributes.requestID)
            return [.signalRequest(attributes.requestID)]
        case .workflowExecutionCancelRequestedEventAttributes:
            self.info.cancelRequested = true
        case .upsertWorkflowSearchAttributesEventAttributes(let attributes):
            merge(attributes.searchAttributes.indexedFields, into: &self.info.searchAttributes)
        case .workflowPropertiesModifiedEventAttributes(let attributes):
            merge(attributes.upsertedMemo.fields, into: &self.info.memo)
        case .markerRecordedEventAttributes:
            break
        case .workflowExecutionPausedEventAttributes(let attributes):
            self.applyPaused(event, attributes)
        case .workflowExecutionUnpausedEventAttributes:
            self.info.status = .running
            self.info.clearPause()
        case .workflowExecutionOptionsUpdatedEventAttributes:
            return self.applyOptionsUpdated(event)
        case .workflowExecutionUpdateAdmittedEventAttributes,
            .workflowExecutionUpdateAcceptedEventAttributes,
            .workflowExecutionUpdateCompletedEventAttributes:
            return try self.applyUpdate(event)
        case .workflowExecutionCompletedEventAttributes(let attributes):
            self.close(.completed, event, next: attributes.newExecutionRunID)
        case .workflowExecutionFailedEventAttributes(let attributes):
            self.close(.failed, event, next: attributes.newExecutionRunID)
        case .workflowExecutionTimedOutEventAttributes(let attributes):
            self.close(.timedOut, event, next: attributes.newExecutionRunID)
        case .workflowExecutionCanceledEventAttributes:
            self.close(.canceled, event, next: "")
        case .workflowExecutionTerminatedEventAttributes:
            self.close(.terminated, event, next: "")
        case .workflowExecutionContinuedAsNewEventAttributes(let attributes):
            self.close(.continuedAsNew, event, next: attributes.newExecutionRunID)
        default:
            throw HistoryCorrupted("event type \(event.eventType) is not known")
        }
        return []
    }

    private mutating func applyPaused(
        _ event: HistoryEvent,
        _ attributes: Temporal_Api_History_V1_WorkflowExecutionPausedEventAttributes
    ) {
        self.info.status = .paused
        self.info.pause = .with {
            $0.pausedAt = Timestamp(event.eventTime).nanoseconds
            $0.identity = attributes.identity
            $0.reason = attributes.reason
            $0.requestID = attributes.requestID
        }
    }

    private mutating func close(
        _ status: Temporal_Api_Enums_V1_WorkflowExecutionStatus, _ event: HistoryEvent, next: String
    ) {
        self.info.status = status
        self.info.closeAt = Timestamp(event.eventTime).nanoseconds
        self.info.newExecutionRunID = next
        // Nothing waits any more, whether or not the wait was over.
        self.info.firstTaskBackoffUntil = 0
    }

    private mutating func applyStarted(_ event: HistoryEvent) -> [RunItem.Changed] {
        let attributes = event.workflowExecutionStartedEventAttributes
        let startedAt = Timestamp(event.eventTime)
        self.startedEvent = event
        self.info.workflowID = attributes.workflowID
        self.info.originalRunID = attributes.originalExecutionRunID
        self.info.firstRunID = attributes.firstExecutionRunID
        self.info.continuedFromRunID = attributes.continuedExecutionRunID
        self.info.workflowType = attributes.workflowType.name
        self.info.taskQueue = attributes.taskQueue.name
        self.info.status = .running
        self.info.startAt = startedAt.nanoseconds
        self.info.runTimeoutNs = Duration(clamping: attributes.workflowRunTimeout).nanoseconds
        self.info.executionTimeoutNs =
            Duration(clamping: attributes.workflowExecutionTimeout).nanoseconds
        self.info.taskTimeoutNs = Duration(clamping: attributes.workflowTaskTimeout).nanoseconds
        let backoff = Duration(clamping: attributes.firstWorkflowTaskBackoff)
        let executionAt = startedAt + backoff
        self.info.executionAt = executionAt.nanoseconds
        self.info.firstTaskBackoffUntil = backoff > .zero ? executionAt.nanoseconds : 0
        if attributes.hasWorkflowExecutionExpirationTime {
            self.info.executionExpirationAt =
                Timestamp(attributes.workflowExecutionExpirationTime).nanoseconds
        }
        if self.info.runTimeoutNs > 0 {
            let expiration = (executionAt + .nanoseconds(self.info.runTimeoutNs)).nanoseconds
            self.info.runExpirationAt =
                self.info.executionExpirationAt > 0
                ? min(expiration, self.info.executionExpirationAt) : expiration
        }
        self.info.attempt = max(attributes.attempt, 1)
        if attributes.hasRetryPolicy { self.info.retryPolicy = attributes.retryPolicy }
        self.info.cronSchedule = attributes.cronSchedule
        self.info.memo = attributes.memo.fields
        self.info.searchAttributes = attributes.searchAttributes.indexedFields
        if attributes.hasPriority { self.info.priority = attributes.priority }
        if attributes.hasVersioningOverride {
            self.info.versioningOverride = attributes.versioningOverride
        }
        if event.hasUserMetadata { self.info.userMetadata = event.userMetadata }
        self.takeOverResetPoints(of: attributes, at: startedAt)
        self.applyParent(attributes)
        return [.startedEvent]
            + self.addCallbacks(
                attributes.completionCallbacks, requestID: self.info.createRequestID, of: event)
    }

    private mutating func applyActivityScheduled(
        _ event: HistoryEvent
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        let attributes = event.activityTaskScheduledEventAttributes
        // Another activity of that id may be pending by its events: its end waited in the buffer
        // while the worker used the id again.
        let scheduledAt = Timestamp(event.eventTime).nanoseconds
        var activity = StoredActivity()
        activity.scheduledEventID = event.eventID
        activity.activityID = attributes.activityID
        activity.activityType = attributes.activityType.name
        activity.taskQueue = attributes.taskQueue.name
        activity.attempt = 1
        activity.firstScheduledAt = scheduledAt
        activity.scheduledAt = scheduledAt
        activity.scheduleToCloseNs =
            Duration(clamping: attributes.scheduleToCloseTimeout).nanoseconds
        activity.scheduleToStartNs =
            Duration(clamping: attributes.scheduleToStartTimeout).nanoseconds
        activity.startToCloseNs = Duration(clamping: attributes.startToCloseTimeout).nanoseconds
        activity.heartbeatNs = Duration(clamping: attributes.heartbeatTimeout).nanoseconds
        activity.retryPolicy = attributes.retryPolicy
        if attributes.hasPriority { activity.priority = attributes.priority }
        self.put(activity)
        self.activityScheduledEvents[event.eventID] = event
        return [.activity(event.eventID), .activityScheduledEvent(event.eventID)]
    }

    /// The event comes directly before the one that ends the activity, but a history may be cut off
    /// between the two.
    private mutating func applyActivityStarted(_ event: HistoryEvent) -> [RunItem.Changed] {
        let attributes = event.activityTaskStartedEventAttributes
        guard var activity = self.activities[attributes.scheduledEventID] else { return [] }
        activity.startedEventID = event.eventID
        activity.startedAt = Timestamp(event.eventTime).nanoseconds
        activity.startedIdentity = attributes.identity
        activity.startRequestID = attributes.requestID
        activity.attempt = attributes.attempt
        self.put(activity)
        return [.activity(activity.scheduledEventID)]
    }

    private mutating func applyActivityClosed(
        _ scheduledEventID: Int64
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        guard self.activities[scheduledEventID] != nil else {
            throw HistoryCorrupted("activity \(scheduledEventID) is not pending")
        }
        self.removeActivity(scheduledEventID)
        return [.activity(scheduledEventID), .activityScheduledEvent(scheduledEventID)]
    }

    private mutating func applyTimer(
        _ event: HistoryEvent
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        switch event.attributes {
        case .timerStartedEventAttributes(let attributes):
            let fires =
                Timestamp(event.eventTime) + Duration(clamping: attributes.startToFireTimeout)
            let timer = StoredTimer.with {
                $0.timerID = attributes.timerID
                $0.startedEventID = event.eventID
                $0.firesAt = fires.nanoseconds
            }
            // Another timer of that id may be pending by its events: its firing waited in the buffer
            // while the worker used the id again.
            self.timers[timer.timerID] = timer
            return [.timer(timer.timerID)]
        case .timerFiredEventAttributes(let attributes):
            return self.endTimer(attributes.timerID, startedBy: attributes.startedEventID)
        case .timerCanceledEventAttributes(let attributes):
            return self.endTimer(attributes.timerID, startedBy: attributes.startedEventID)
        default:
            throw HistoryCorrupted("not a timer event: \(event.eventType)")
        }
    }
}

extension MutableState {
    /// Ends a timer; it is gone already if its firing was taken back out of the buffer.
    fileprivate mutating func endTimer(_ id: String, startedBy eventID: Int64) -> [RunItem.Changed]
    {
        guard self.timers[id]?.startedEventID == eventID else { return [] }
        self.timers[id] = nil
        return [.timer(id)]
    }
}

/// Takes over new values by key; an empty or null payload removes its key.
private func merge(
    _ changes: [String: Temporal_Api_Common_V1_Payload],
    into values: inout [String: Temporal_Api_Common_V1_Payload]
) {
    for (key, payload) in changes {
        values[key] = payload.removesValue ? nil : payload
    }
}

extension Temporal_Api_Common_V1_Memo {
    /// What is left when fields without a value are gone; nil if nothing is.
    var withoutNulls: Self? {
        let fields = self.fields.filter { !$0.value.removesValue }
        return fields.isEmpty ? nil : .with { $0.fields = fields }
    }
}

extension Temporal_Api_Common_V1_SearchAttributes {
    /// As ``Temporal_Api_Common_V1_Memo/withoutNulls``.
    var withoutNulls: Self? {
        let fields = self.indexedFields.filter { !$0.value.removesValue }
        return fields.isEmpty ? nil : .with { $0.indexedFields = fields }
    }
}

extension Temporal_Api_Common_V1_Payload {
    /// Whether this payload, given for a memo or search attribute, means "remove it": the null
    /// payload and the empty list, as Temporal has it.
    package var removesValue: Bool {
        switch self.metadata["encoding"].map({ String(decoding: $0, as: UTF8.self) }) {
        case "binary/null": self.data.isEmpty
        case "json/plain": Array(self.data) == Array("[]".utf8)
        default: false
        }
    }
}
