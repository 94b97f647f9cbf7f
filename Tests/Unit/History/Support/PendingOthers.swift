import HistoryCore
import SwiftProtobuf
import TemporalAPI

/// Which children and requests to other workflows are open after the events so far.
struct PendingOthers {
    /// The started event by the initiated one; 0 until there is one.
    private var children: [Int64: Int64] = [:]
    private var signals: Set<Int64> = []
    private var cancels: Set<Int64> = []

    /// Takes an event in; says what is wrong with it if something is.
    mutating func take(_ event: HistoryEvent, _ completedTasks: Set<Int64>) -> String? {
        switch event.attributes {
        case .startChildWorkflowExecutionInitiatedEventAttributes(let attributes):
            self.children[event.eventID] = 0
            return completedTasks.contains(attributes.workflowTaskCompletedEventID)
                ? nil : "names no completed workflow task"
        case .startChildWorkflowExecutionFailedEventAttributes(let attributes):
            return self.children.removeValue(forKey: attributes.initiatedEventID) == 0
                ? nil : "fails a child that is not waiting"
        case .childWorkflowExecutionStartedEventAttributes(let attributes):
            guard self.children[attributes.initiatedEventID] == 0 else {
                return "starts a child that is not waiting"
            }
            self.children[attributes.initiatedEventID] = event.eventID
        case .childWorkflowExecutionCompletedEventAttributes(let end):
            return self.end(end.initiatedEventID, end.startedEventID)
        case .childWorkflowExecutionFailedEventAttributes(let end):
            return self.end(end.initiatedEventID, end.startedEventID)
        case .childWorkflowExecutionCanceledEventAttributes(let end):
            return self.end(end.initiatedEventID, end.startedEventID)
        case .childWorkflowExecutionTimedOutEventAttributes(let end):
            return self.end(end.initiatedEventID, end.startedEventID)
        case .childWorkflowExecutionTerminatedEventAttributes(let end):
            return self.end(end.initiatedEventID, end.startedEventID)
        default:
            return self.takeExternal(event)
        }
        return nil
    }

    private mutating func end(_ initiated: Int64, _ started: Int64) -> String? {
        guard started > 0, self.children.removeValue(forKey: initiated) == started else {
            return "ends a child that does not run, or names the wrong start"
        }
        return nil
    }

    private mutating func takeExternal(_ event: HistoryEvent) -> String? {
        switch event.attributes {
        case .signalExternalWorkflowExecutionInitiatedEventAttributes:
            self.signals.insert(event.eventID)
        case .externalWorkflowExecutionSignaledEventAttributes(let attributes):
            return self.signals.remove(attributes.initiatedEventID) == nil
                ? "is the answer to no signal" : nil
        case .signalExternalWorkflowExecutionFailedEventAttributes(let attributes):
            return self.signals.remove(attributes.initiatedEventID) == nil
                ? "is the answer to no signal" : nil
        case .requestCancelExternalWorkflowExecutionInitiatedEventAttributes:
            self.cancels.insert(event.eventID)
        case .externalWorkflowExecutionCancelRequestedEventAttributes(let attributes):
            return self.cancels.remove(attributes.initiatedEventID) == nil
                ? "is the answer to no cancel request" : nil
        case .requestCancelExternalWorkflowExecutionFailedEventAttributes(let attributes):
            return self.cancels.remove(attributes.initiatedEventID) == nil
                ? "is the answer to no cancel request" : nil
        default: break
        }
        return nil
    }
}
