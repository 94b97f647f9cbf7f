import Persistence
import Primitives
import TemporalAPI

/// Everything the server knows of one run: the fold of its events, plus what never reaches history
/// (activity attempts, heartbeats, stickiness, buffered events).
package struct MutableState: Equatable, Sendable {
    /// An event that waits for the end of the started workflow task to get its id.
    package struct BufferedEvent: Equatable, Sendable {
        package let ordinal: Int
        package let event: HistoryEvent
        /// Serialized size.
        package let bytes: Int

        init(ordinal: Int, event: HistoryEvent) {
            self.ordinal = ordinal
            self.event = event
            self.bytes = MutableState.bytes(event).count
        }
    }

    package internal(set) var info = StoredExecutionInfo()
    /// The first event: its input, headers and policies are needed again for retries.
    package internal(set) var startedEvent = HistoryEvent()
    /// Pending activities by the id of their scheduled event.
    package internal(set) var activities: [Int64: StoredActivity] = [:]
    /// The scheduled events of the pending activities.
    package internal(set) var activityScheduledEvents: [Int64: HistoryEvent] = [:]
    /// Pending timers by timer id.
    package internal(set) var timers: [String: StoredTimer] = [:]
    /// Children that have not ended, by the event that asked for them.
    ///
    /// A closed run keeps those of which it does not know whether they were started.
    package internal(set) var children: [Int64: StoredChild] = [:]
    /// Signals to other workflows that are on their way, by the event that asked for them.
    package internal(set) var externalSignals: [Int64: StoredExternalRequest] = [:]
    /// Cancel requests to other workflows that are on their way.
    package internal(set) var externalCancels: [Int64: StoredExternalRequest] = [:]
    package internal(set) var bufferedEvents: [BufferedEvent] = []
    /// Request ids of the signals this run has taken in.
    package internal(set) var signalRequestIDs: Set<String> = []
    /// Requests that were attached to this run since its start, by request id.
    package internal(set) var attachedRequests: [String: StoredAttachedRequest] = [:]
    /// Updates that are in history, by update id: all of them for as long as the run is kept, so that
    /// whoever asks again learns how an update ended.
    package internal(set) var updates: [String: StoredUpdate] = [:]
    /// Whom to tell of the end, in the order they asked; they stay when the run is closed.
    package internal(set) var callbacks: [StoredCallback] = []
    /// Pending activities by activity id; derived from ``activities``.
    private(set) var scheduledEventIDs: [String: Int64] = [:]

    package init() {}

    /// A copy with another info.
    package init(_ state: MutableState, changing change: (inout StoredExecutionInfo) -> Void) {
        self = state
        change(&self.info)
    }

    /// A run of which no event is known yet.
    package init(
        _ key: WorkflowKey, namespaceName: String, retention: Duration, createRequestID: String
    ) {
        self.info.namespaceID = key.namespaceID.rawValue
        self.info.namespaceName = namespaceName
        self.info.retentionNs = retention.nanoseconds
        self.info.workflowID = key.workflowID.rawValue
        self.info.runID = key.runID.rawValue
        self.info.createRequestID = createRequestID
        self.info.nextEventID = 1
    }

    package var key: WorkflowKey {
        WorkflowKey(
            namespaceID: NamespaceID(self.info.namespaceID),
            workflowID: WorkflowID(self.info.workflowID), runID: RunID(self.info.runID))
    }

    /// Whether the run is open, paused or not.
    package var isRunning: Bool { self.info.status == .running || self.isPaused }
    package var isPaused: Bool { self.info.status == .paused }
    package var hasWorkflowTask: Bool { self.info.hasWorkflowTask }
    package var hasStartedWorkflowTask: Bool {
        self.info.hasWorkflowTask && self.info.workflowTask.startedEventID != 0
    }
    package var isSticky: Bool { !self.info.stickyTaskQueue.isEmpty }
    /// Whether at least one workflow task was completed.
    package var hasCompletedWorkflowTask: Bool {
        self.info.lastCompletedTaskStartedEventID != 0
    }
    /// Whether the first workflow task still waits for a start delay or back-off.
    package var isBackingOff: Bool { self.info.firstTaskBackoffUntil != 0 }

    /// Whether the first workflow task waits for the parent to know of this run.
    package var awaitsParent: Bool { self.info.awaitsParent }
    package var hasParent: Bool { !self.info.parentWorkflowID.isEmpty }

    package func activity(named activityID: String) -> StoredActivity? {
        self.scheduledEventIDs[activityID].flatMap { self.activities[$0] }
    }

    mutating func put(_ activity: StoredActivity) {
        self.activities[activity.scheduledEventID] = activity
        self.scheduledEventIDs[activity.activityID] = activity.scheduledEventID
    }

    /// Drops everything that only an open run needs.
    mutating func forgetPending() {
        self.activities = [:]
        self.activityScheduledEvents = [:]
        self.scheduledEventIDs = [:]
        self.timers = [:]
        self.signalRequestIDs = []
        self.children = self.children.filter { !$0.value.isStarted }
        self.externalSignals = [:]
        self.externalCancels = [:]
        // A run that was reset is asked when it really began.
        if self.info.resetFromRunID.isEmpty { self.startedEvent = HistoryEvent() }
    }

    mutating func removeActivity(_ scheduledEventID: Int64) {
        self.activityScheduledEvents[scheduledEventID] = nil
        guard let activity = self.activities.removeValue(forKey: scheduledEventID) else { return }
        if self.scheduledEventIDs[activity.activityID] == scheduledEventID {
            self.scheduledEventIDs[activity.activityID] = nil
        }
    }
}

/// A history that cannot be; only its own run is affected.
package struct HistoryCorrupted: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
