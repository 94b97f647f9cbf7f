import Primitives
import SwiftProtobuf
import TemporalAPI

/// Checks that a closed run's history is one that can be.
///
/// Knows nothing of the workload: what holds here holds for every history.
package struct HistoryChecker {
    private enum WorkflowTaskPhase { case scheduled, started, completed, failed }

    private struct Activity {
        let id: String
        var startedEventID: Int64?
        var isCancelRequested = false
        var isClosed = false
    }

    private struct Timer {
        let id: String
        let firesAt: Timestamp
        var isClosed = false
    }

    package private(set) var problems: [String] = []
    private let name: String
    private var workflowTasks: [Int64: WorkflowTaskPhase] = [:]
    /// The scheduled event of each started workflow task.
    private var scheduledOfStarted: [Int64: Int64] = [:]
    private var completedEventIDs: Set<Int64> = []
    private var activities: [Int64: Activity] = [:]
    private var timers: [Int64: Timer] = [:]
    var requests = RequestsOfRun()
    var updates = UpdatesOfRun()
    private var signalRequestIDs: Set<String> = []
    private var isCancelRequested = false
    private var start: HistoryEvent?
    private var closeEventID: Int64?

    /// - Returns: what is wrong with `events`; empty if nothing is.
    package static func problems(in events: [HistoryEvent], of name: String) -> [String] {
        var checker = HistoryChecker(name: name)
        checker.check(events)
        return checker.problems
    }

    private init(name: String) { self.name = name }

    mutating func expect(_ condition: Bool, _ event: HistoryEvent, _ message: String) {
        if !condition {
            self.problems.append(
                "\(self.name), event \(event.eventID) \(event.eventType): \(message)")
        }
    }

    private mutating func check(_ events: [HistoryEvent]) {
        var last: HistoryEvent?
        for event in events {
            self.expect(
                event.eventID == (last?.eventID ?? 0) + 1, event,
                "follows event \(last?.eventID ?? 0)")
            // Events that waited for a workflow task to end, and starts of activities, keep the
            // time they happened at: times do not follow the ids.
            self.expect(
                Timestamp(event.eventTime) >= Timestamp(events[0].eventTime), event,
                "is earlier than the start of its run")
            self.expect(
                event.eventID > 1 || event.eventType == .workflowExecutionStarted, event,
                "begins the history")
            self.expect(self.closeEventID == nil, event, "comes behind the close event")
            self.check(event)
            last = event
        }
        guard let last else {
            self.problems.append("\(self.name) has no history")
            return
        }
        self.expect(self.closeEventID == last.eventID, last, "is the end of an open run")
    }

    private mutating func check(_ event: HistoryEvent) {
        switch event.attributes {
        case .workflowExecutionStartedEventAttributes: self.start = event
        case .workflowTaskScheduledEventAttributes: self.workflowTaskScheduled(event)
        case .workflowTaskStartedEventAttributes(let started):
            self.move(started.scheduledEventID, .scheduled, .started, event)
            self.scheduledOfStarted[event.eventID] = started.scheduledEventID
        case .workflowTaskCompletedEventAttributes(let completed):
            self.workflowTaskEnded(
                completed.scheduledEventID, completed.startedEventID, .completed, event)
        case .workflowTaskFailedEventAttributes(let failed):
            self.workflowTaskFailed(failed, event)
        case .workflowTaskTimedOutEventAttributes(let timedOut):
            self.workflowTaskTimedOut(timedOut, event)
        case .timerStartedEventAttributes(let started): self.timerStarted(started, event)
        case .timerFiredEventAttributes(let fired): self.timerFired(fired, event)
        case .timerCanceledEventAttributes(let canceled): self.timerCanceled(canceled, event)
        case .markerRecordedEventAttributes(let marker):
            self.isCommand(event, by: marker.workflowTaskCompletedEventID)
        case .upsertWorkflowSearchAttributesEventAttributes(let upsert):
            self.isCommand(event, by: upsert.workflowTaskCompletedEventID)
        case .workflowPropertiesModifiedEventAttributes(let modified):
            self.isCommand(event, by: modified.workflowTaskCompletedEventID)
        case .workflowExecutionSignaledEventAttributes(let signaled):
            self.expect(
                signaled.requestID.isEmpty
                    || self.signalRequestIDs.insert(signaled.requestID).inserted, event,
                "repeats request \(signaled.requestID)")
        case .workflowExecutionCompletedEventAttributes(let completed):
            self.closed(event, by: completed.workflowTaskCompletedEventID)
        case .workflowExecutionContinuedAsNewEventAttributes(let continued):
            self.closed(event, by: continued.workflowTaskCompletedEventID)
        case .workflowExecutionFailedEventAttributes(let failed):
            self.closed(event, by: failed.workflowTaskCompletedEventID)
        case .workflowExecutionCanceledEventAttributes(let canceled):
            self.closed(event, by: canceled.workflowTaskCompletedEventID)
        case .workflowExecutionCancelRequestedEventAttributes:
            self.expect(!self.isCancelRequested, event, "asks for a cancel again")
            self.isCancelRequested = true
        case .workflowExecutionTimedOutEventAttributes:
            self.timedOut(event)
        case .workflowExecutionTerminatedEventAttributes:
            self.closeEventID = event.eventID
        default: self.checkActivity(event)
        }
    }

    private mutating func checkActivity(_ event: HistoryEvent) {
        switch event.attributes {
        case .activityTaskScheduledEventAttributes(let scheduled):
            self.isCommand(event, by: scheduled.workflowTaskCompletedEventID)
            let isPending = self.activities.values.contains {
                $0.id == scheduled.activityID && !$0.isClosed
            }
            self.expect(!isPending, event, "schedules a pending activity")
            self.activities[event.eventID] = Activity(id: scheduled.activityID)
        case .activityTaskStartedEventAttributes(let started):
            self.activityStarted(started, event)
        case .activityTaskCancelRequestedEventAttributes(let requested):
            self.isCommand(event, by: requested.workflowTaskCompletedEventID)
            // The end may have happened while the worker was busy, and then comes behind this.
            let activity = self.activities[requested.scheduledEventID]
            self.expect(
                activity?.isClosed == false && activity?.isCancelRequested == false, event,
                "asks activity \(requested.scheduledEventID) to cancel, which cannot be asked")
            self.activities[requested.scheduledEventID]?.isCancelRequested = true
        case .activityTaskCompletedEventAttributes(let completed):
            self.activityClosed(completed.scheduledEventID, completed.startedEventID, event)
        case .activityTaskFailedEventAttributes(let failed):
            self.activityClosed(failed.scheduledEventID, failed.startedEventID, event)
        case .activityTaskTimedOutEventAttributes(let timedOut):
            self.activityClosed(timedOut.scheduledEventID, timedOut.startedEventID, event)
        case .activityTaskCanceledEventAttributes(let canceled):
            self.expect(
                self.activities[canceled.scheduledEventID]?.isCancelRequested == true, event,
                "cancels activity \(canceled.scheduledEventID), which nobody asked for")
            self.activityClosed(canceled.scheduledEventID, canceled.startedEventID, event)
        default: self.checkFamily(event)
        }
    }
}

// Workflow tasks.
extension HistoryChecker {
    private mutating func workflowTaskScheduled(_ event: HistoryEvent) {
        let isOpen = self.workflowTasks.values.contains { $0 == .scheduled || $0 == .started }
        self.expect(!isOpen, event, "is scheduled beside another workflow task")
        self.workflowTasks[event.eventID] = .scheduled
    }

    private mutating func move(
        _ scheduledEventID: Int64, _ from: WorkflowTaskPhase, _ to: WorkflowTaskPhase,
        _ event: HistoryEvent
    ) {
        self.expect(
            self.workflowTasks[scheduledEventID] == from, event,
            "is about workflow task \(scheduledEventID), which is not \(from)")
        self.workflowTasks[scheduledEventID] = to
    }

    private mutating func workflowTaskEnded(
        _ scheduledEventID: Int64, _ startedEventID: Int64, _ end: WorkflowTaskPhase,
        _ event: HistoryEvent
    ) {
        self.expect(
            self.scheduledOfStarted[startedEventID] == scheduledEventID, event,
            "names started event \(startedEventID), which is not of task \(scheduledEventID)")
        self.move(scheduledEventID, .started, end, event)
        if end == .completed { self.completedEventIDs.insert(event.eventID) }
    }

    private mutating func workflowTaskFailed(
        _ failed: Temporal_Api_History_V1_WorkflowTaskFailedEventAttributes,
        _ event: HistoryEvent
    ) {
        guard failed.cause == .workflowPauseRequestedBeforeTaskStarted else {
            return self.workflowTaskEnded(
                failed.scheduledEventID, failed.startedEventID, .failed, event)
        }
        self.expect(failed.startedEventID == 0, event, "is of a task that was started")
        self.move(failed.scheduledEventID, .scheduled, .failed, event)
    }

    private mutating func workflowTaskTimedOut(
        _ timedOut: Temporal_Api_History_V1_WorkflowTaskTimedOutEventAttributes,
        _ event: HistoryEvent
    ) {
        if timedOut.timeoutType == .scheduleToStart {
            self.move(timedOut.scheduledEventID, .scheduled, .failed, event)
        } else {
            self.workflowTaskEnded(
                timedOut.scheduledEventID, timedOut.startedEventID, .failed, event)
        }
    }

    /// An event that a command made names the workflow task which brought the command.
    mutating func isCommand(_ event: HistoryEvent, by completedEventID: Int64) {
        self.expect(
            self.completedEventIDs.contains(completedEventID), event,
            "comes from workflow task \(completedEventID), which did not complete before it")
    }

    private mutating func closed(_ event: HistoryEvent, by completedEventID: Int64) {
        self.isCommand(event, by: completedEventID)
        self.closeEventID = event.eventID
    }
}

// Activities and timers.
extension HistoryChecker {
    private mutating func activityStarted(
        _ started: Temporal_Api_History_V1_ActivityTaskStartedEventAttributes,
        _ event: HistoryEvent
    ) {
        let activity = self.activities[started.scheduledEventID]
        self.expect(
            activity != nil, event, "starts activity \(started.scheduledEventID), never scheduled")
        self.expect(
            activity?.startedEventID == nil, event,
            "starts activity \(started.scheduledEventID) again")
        self.expect(started.attempt >= 1, event, "has attempt \(started.attempt)")
        self.activities[started.scheduledEventID]?.startedEventID = event.eventID
    }

    private mutating func activityClosed(
        _ scheduledEventID: Int64, _ startedEventID: Int64, _ event: HistoryEvent
    ) {
        let activity = self.activities[scheduledEventID]
        self.expect(
            activity?.isClosed == false, event,
            "closes activity \(scheduledEventID), which is not pending")
        self.expect(
            (activity?.startedEventID ?? 0) == startedEventID, event,
            "names started event \(startedEventID) of activity \(scheduledEventID)")
        self.activities[scheduledEventID]?.isClosed = true
    }

    private mutating func timerStarted(
        _ started: Temporal_Api_History_V1_TimerStartedEventAttributes, _ event: HistoryEvent
    ) {
        self.isCommand(event, by: started.workflowTaskCompletedEventID)
        let isPending = self.timers.values.contains { $0.id == started.timerID && !$0.isClosed }
        self.expect(!isPending, event, "starts pending timer \(started.timerID)")
        self.timers[event.eventID] = Timer(
            id: started.timerID,
            firesAt: Timestamp(event.eventTime) + Duration(started.startToFireTimeout))
    }

    private mutating func timerFired(
        _ fired: Temporal_Api_History_V1_TimerFiredEventAttributes, _ event: HistoryEvent
    ) {
        guard let timer = self.timers[fired.startedEventID], timer.id == fired.timerID else {
            return self.expect(false, event, "fires a timer that was never started")
        }
        self.expect(!timer.isClosed, event, "fires timer \(timer.id) again")
        self.expect(
            Timestamp(event.eventTime) >= timer.firesAt, event,
            "fires timer \(timer.id) \(timer.firesAt - Timestamp(event.eventTime)) early")
        self.timers[fired.startedEventID]?.isClosed = true
    }

    private mutating func timerCanceled(
        _ canceled: Temporal_Api_History_V1_TimerCanceledEventAttributes, _ event: HistoryEvent
    ) {
        self.isCommand(event, by: canceled.workflowTaskCompletedEventID)
        let timer = self.timers[canceled.startedEventID]
        self.expect(
            timer?.id == canceled.timerID && timer?.isClosed == false, event,
            "cancels timer \(canceled.timerID), which is not pending")
        self.timers[canceled.startedEventID]?.isClosed = true
    }

    /// A run's time is its run timeout, counted from its first workflow task.
    private mutating func timedOut(_ event: HistoryEvent) {
        self.closeEventID = event.eventID
        guard let started = self.start, let start = started.start else { return }
        var deadline = Timestamp.distantFuture
        if start.hasWorkflowRunTimeout, Duration(start.workflowRunTimeout) > .zero {
            deadline =
                Timestamp(started.eventTime) + Duration(start.firstWorkflowTaskBackoff)
                + Duration(start.workflowRunTimeout)
        }
        if start.hasWorkflowExecutionExpirationTime {
            deadline = min(deadline, Timestamp(start.workflowExecutionExpirationTime))
        }
        self.expect(
            Timestamp(event.eventTime) >= deadline, event,
            "comes \(deadline - Timestamp(event.eventTime)) early")
    }
}
