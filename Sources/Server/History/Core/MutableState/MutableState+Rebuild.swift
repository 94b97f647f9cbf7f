import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

/// A run's state as its history tells it.
package struct RebuiltState: Sendable {
    package fileprivate(set) var state: MutableState
    /// The parts of the state that came about on the way, besides its info.
    package fileprivate(set) var changed: Set<RunItem.Changed> = []
    /// The run that wrote the events at hand: each reset goes on in a new one.
    private var writer = RunID("")

    /// Folds the batches of a history, from its first event on.
    ///
    /// `state` is the run before its first event.
    /// - Throws: ``HistoryCorrupted`` if the events cannot follow each other.
    package init(
        _ batches: [[HistoryEvent]], on state: MutableState, settings: Settings
    ) throws(HistoryCorrupted) {
        self.state = state
        for batch in batches {
            for event in batch { try self.fold(event, settings) }
            guard let first = batch.first else { continue }
            self.state.info.lastBatchFirstEventID = first.eventID
            self.state.info.historySize += Int64(
                MutableState.bytes(Temporal_Api_History_V1_History.with { $0.events = batch }).count
            )
        }
        guard self.state.info.nextEventID > 1 else { throw HistoryCorrupted("no events") }
        if !self.state.isRunning {
            self.state.info.closeBatchEventID = self.state.info.lastBatchFirstEventID
            self.state.info.clearWorkflowTask()
            self.state.forgetPending()
        }
    }

    private mutating func fold(
        _ event: HistoryEvent, _ settings: Settings
    ) throws(HistoryCorrupted) {
        guard event.eventID == self.state.info.nextEventID else {
            throw HistoryCorrupted(
                "event \(self.state.info.nextEventID) is missing before \(event.eventID)")
        }
        if event.eventID > 1, !self.state.isRunning {
            throw HistoryCorrupted("event \(event.eventID) follows the end of its run")
        }
        self.changed.formUnion(try self.state.apply(event))
        self.writer = event.writer ?? self.writer
        self.state.setRequestID(of: event, writtenBy: self.writer)
        self.state.keepResetPoints(settings.autoResetPointsMax)
        if event.eventType == .workflowTaskCompleted { _ = self.state.noteBuilds(settings) }
        self.changed.formUnion(
            self.state.keepAttachedRequests(settings.attachedRequestsMax))
        self.state.info.nextEventID += 1
    }
}

extension MutableState {
    /// This state without what history says nothing about, for comparison with a rebuilt one.
    ///
    /// The list is complete: everything else follows from the events.
    package var decidedByHistory: MutableState {
        var state = self
        // They get into history later; what they do to the state is in it already.
        state.bufferedEvents = []
        // Events get their task ids when they are written, after they were applied.
        state.startedEvent.taskID = 0
        for id in state.activityScheduledEvents.keys {
            state.activityScheduledEvents[id]?.taskID = 0
        }
        // One the worker has rejected is forgotten, which leaves no event.
        state.updates = state.updates.filter { $0.value.state != .admitted }
        state.info.forgetWhatHistoryDoesNotSay()
        state.callbacks = self.callbacks.map(\.decidedByHistory)
        for activity in self.activities.values {
            state.put(activity.decidedByHistory)
        }
        return state
    }
}

extension StoredExecutionInfo {
    fileprivate mutating func forgetWhatHistoryDoesNotSay() {
        // Given by whoever creates the run.
        self.namespaceID = ""
        self.namespaceName = ""
        self.retentionNs = 0
        self.createRequestID = ""
        self.resetRequestID = ""
        // Which worker has the run in its cache.
        self.stickyTaskQueue = ""
        self.stickyScheduleToStartNs = 0
        // Failed attempts after the first, which are not written.
        self.workflowTaskAttemptsSinceSuccess = 0
        self.clearLastWorkflowTaskFailure()
        self.searchAttributes[reportedProblemsAttribute] = nil
        self.closeAttempted = false
        // The id of the RPC, not of the event.
        self.cancelRequestID = ""
        // How often anything at all changed, written or not.
        self.stateTransitionCount = 0
        // Set by the server while an operator has paused something.
        self.searchAttributes[MutableState.pauseInfoAttribute] = nil
        // Written on the run that was left, whose history had ended.
        self.resetRunID = ""
        self.leftByReset = false
        self.deleteWhenClosed = false
        // Ends without an event if the first workflow task has another reason to wait.
        self.awaitsParent = false
        if self.hasWorkflowTask { self.forgetWorkflowTaskBesideHistory() }
    }

    private mutating func forgetWorkflowTaskBesideHistory() {
        guard self.workflowTask.kind == .normal else {
            // Not written until it completes.
            self.clearWorkflowTask()
            return
        }
        self.workflowTask.stamp = 0
        self.workflowTask.originalScheduledAt = 0
        self.workflowTask.scheduleToStartAt = 0
    }
}

extension StoredActivity {
    /// What its scheduled and cancel-requested events say of an activity for good.
    ///
    /// Its options are not among it: operators change them without an event.
    fileprivate var decidedByHistory: StoredActivity {
        .with {
            $0.scheduledEventID = self.scheduledEventID
            $0.activityID = self.activityID
            $0.activityType = self.activityType
            $0.firstScheduledAt = self.firstScheduledAt
            $0.cancelRequested = self.cancelRequested
            $0.cancelRequestedEventID = self.cancelRequestedEventID
        }
    }
}
