import SwiftProtobuf
import TemporalAPI

/// What a run has asked of other workflows, as far as its history has been read.
struct RequestsOfRun {
    enum Phase { case initiated, started, closed }

    struct Child {
        let workflowID: String
        var startedEventID: Int64 = 0
        var runID = ""
        var phase = Phase.initiated
    }

    /// By the events that asked.
    var children: [Int64: Child] = [:]
    /// Whether they have been answered.
    var signals: [Int64: Bool] = [:]
    var cancels: [Int64: Bool] = [:]
}

// Children, and requests to other workflows: each is answered once.
extension HistoryChecker {
    mutating func checkFamily(_ event: HistoryEvent) {
        switch event.attributes {
        case .startChildWorkflowExecutionInitiatedEventAttributes(let initiated):
            self.isCommand(event, by: initiated.workflowTaskCompletedEventID)
            self.requests.children[event.eventID] = .init(workflowID: initiated.workflowID)
        case .startChildWorkflowExecutionFailedEventAttributes(let failed):
            let child = self.requests.children[failed.initiatedEventID]
            self.expect(
                child?.phase == .initiated && child?.workflowID == failed.workflowID, event,
                "refuses child \(failed.initiatedEventID), which does not wait for its start")
            self.requests.children[failed.initiatedEventID]?.phase = .closed
        case .childWorkflowExecutionStartedEventAttributes(let started):
            self.childStarted(started, event)
        default:
            if let end = ChildEndSeen(event) {
                self.childClosed(end, event)
            } else {
                self.checkExternal(event)
            }
        }
    }

    private mutating func childStarted(
        _ started: Temporal_Api_History_V1_ChildWorkflowExecutionStartedEventAttributes,
        _ event: HistoryEvent
    ) {
        let child = self.requests.children[started.initiatedEventID]
        self.expect(
            child?.phase == .initiated && child?.workflowID == started.workflowExecution.workflowID,
            event, "starts child \(started.initiatedEventID), which does not wait for its start")
        self.requests.children[started.initiatedEventID]?.phase = .started
        self.requests.children[started.initiatedEventID]?.startedEventID = event.eventID
    }

    private mutating func childClosed(_ end: ChildEndSeen, _ event: HistoryEvent) {
        let child = self.requests.children[end.initiatedEventID]
        self.expect(
            child?.phase == .started && child?.workflowID == end.child.workflowID, event,
            "closes child \(end.initiatedEventID), which is not open")
        self.expect(
            child?.startedEventID == end.startedEventID, event,
            "names started event \(end.startedEventID) of child \(end.initiatedEventID)")
        self.requests.children[end.initiatedEventID]?.phase = .closed
    }

    private mutating func checkExternal(_ event: HistoryEvent) {
        switch event.attributes {
        case .signalExternalWorkflowExecutionInitiatedEventAttributes(let initiated):
            self.isCommand(event, by: initiated.workflowTaskCompletedEventID)
            self.requests.signals[event.eventID] = false
        case .externalWorkflowExecutionSignaledEventAttributes(let signaled):
            self.answered(\.signals, signaled.initiatedEventID, event)
        case .signalExternalWorkflowExecutionFailedEventAttributes(let failed):
            self.answered(\.signals, failed.initiatedEventID, event)
        case .requestCancelExternalWorkflowExecutionInitiatedEventAttributes(let initiated):
            self.isCommand(event, by: initiated.workflowTaskCompletedEventID)
            self.requests.cancels[event.eventID] = false
        case .externalWorkflowExecutionCancelRequestedEventAttributes(let requested):
            self.answered(\.cancels, requested.initiatedEventID, event)
        case .requestCancelExternalWorkflowExecutionFailedEventAttributes(let failed):
            self.answered(\.cancels, failed.initiatedEventID, event)
        default: self.checkUpdate(event)
        }
    }

    private mutating func answered(
        _ kind: WritableKeyPath<RequestsOfRun, [Int64: Bool]>, _ initiatedEventID: Int64,
        _ event: HistoryEvent
    ) {
        self.expect(
            self.requests[keyPath: kind][initiatedEventID] == false, event,
            "answers request \(initiatedEventID), which waits for no answer")
        self.requests[keyPath: kind][initiatedEventID] = true
    }
}
