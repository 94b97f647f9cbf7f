import Primitives
import SwiftProtobuf
import TemporalAPI

typealias ChildInitiated =
    Temporal_Api_History_V1_StartChildWorkflowExecutionInitiatedEventAttributes

extension MutableState {
    /// Folds an event about a child or another workflow in; nil if it is about something else.
    mutating func applyToOthers(
        _ event: HistoryEvent
    ) throws(HistoryCorrupted) -> [RunItem.Changed]? {
        switch event.attributes {
        case .startChildWorkflowExecutionInitiatedEventAttributes(let attributes):
            return self.applyInitiated(event, attributes)
        case .startChildWorkflowExecutionFailedEventAttributes(let attributes):
            return try self.endChild(attributes.initiatedEventID, isStarted: false)
        case .childWorkflowExecutionStartedEventAttributes(let attributes):
            guard var child = self.children[attributes.initiatedEventID], !child.isStarted else {
                throw HistoryCorrupted("child \(attributes.initiatedEventID) cannot start")
            }
            child.runID = attributes.workflowExecution.runID
            child.startedEventID = event.eventID
            self.children[child.initiatedEventID] = child
            return [.child(child.initiatedEventID)]
        case .childWorkflowExecutionCompletedEventAttributes(let attributes):
            return try self.endChild(attributes.initiatedEventID, isStarted: true)
        case .childWorkflowExecutionFailedEventAttributes(let attributes):
            return try self.endChild(attributes.initiatedEventID, isStarted: true)
        case .childWorkflowExecutionCanceledEventAttributes(let attributes):
            return try self.endChild(attributes.initiatedEventID, isStarted: true)
        case .childWorkflowExecutionTimedOutEventAttributes(let attributes):
            return try self.endChild(attributes.initiatedEventID, isStarted: true)
        case .childWorkflowExecutionTerminatedEventAttributes(let attributes):
            return try self.endChild(attributes.initiatedEventID, isStarted: true)
        default:
            return try self.applyToExternal(event)
        }
    }

    private mutating func applyToExternal(
        _ event: HistoryEvent
    ) throws(HistoryCorrupted) -> [RunItem.Changed]? {
        switch event.attributes {
        case .signalExternalWorkflowExecutionInitiatedEventAttributes(let attributes):
            self.externalSignals[event.eventID] = self.request(event, attributes)
            return [.externalSignal(event.eventID)]
        case .signalExternalWorkflowExecutionFailedEventAttributes(let attributes):
            return try self.endSignal(attributes.initiatedEventID)
        case .externalWorkflowExecutionSignaledEventAttributes(let attributes):
            return try self.endSignal(attributes.initiatedEventID)
        case .requestCancelExternalWorkflowExecutionInitiatedEventAttributes(let attributes):
            self.externalCancels[event.eventID] = self.request(event, attributes)
            self.externalCancels[event.eventID]?.reason = attributes.reason
            return [.externalCancel(event.eventID)]
        case .requestCancelExternalWorkflowExecutionFailedEventAttributes(let attributes):
            return try self.endCancel(attributes.initiatedEventID)
        case .externalWorkflowExecutionCancelRequestedEventAttributes(let attributes):
            return try self.endCancel(attributes.initiatedEventID)
        default:
            return nil
        }
    }

    private mutating func applyInitiated(
        _ event: HistoryEvent, _ attributes: ChildInitiated
    ) -> [RunItem.Changed] {
        self.children[event.eventID] = .with {
            $0.initiatedEventID = event.eventID
            $0.namespaceID = attributes.namespaceID
            $0.namespace = attributes.namespace
            $0.workflowID = attributes.workflowID
            $0.workflowType = attributes.workflowType.name
            $0.createRequestID = requestID(of: event, writtenBy: self.key.runID)
            $0.parentClosePolicy = attributes.parentClosePolicy
            $0.control = attributes.control
            if attributes.hasHeader { $0.header = attributes.header }
        }
        return [.child(event.eventID)]
    }

    private func request(
        _ event: HistoryEvent, _ attributes: some ExternalInitiatedAttributes
    ) -> StoredExternalRequest {
        .with {
            $0.initiatedEventID = event.eventID
            $0.requestID = requestID(of: event, writtenBy: self.key.runID)
            $0.namespaceID = attributes.namespaceID
            $0.namespace =
                attributes.namespace.isEmpty ? self.info.namespaceName : attributes.namespace
            $0.workflowID = attributes.workflowExecution.workflowID
            $0.runID = attributes.workflowExecution.runID
            $0.childWorkflowOnly = attributes.childWorkflowOnly
            $0.control = attributes.control
        }
    }

    private mutating func endChild(
        _ initiatedEventID: Int64, isStarted: Bool
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        guard let child = self.children[initiatedEventID], child.isStarted == isStarted else {
            throw HistoryCorrupted("child \(initiatedEventID) is not pending")
        }
        self.children[initiatedEventID] = nil
        return [.child(initiatedEventID)]
    }

    private mutating func endSignal(
        _ initiatedEventID: Int64
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        guard self.externalSignals.removeValue(forKey: initiatedEventID) != nil else {
            throw HistoryCorrupted("signal \(initiatedEventID) is not on its way")
        }
        return [.externalSignal(initiatedEventID)]
    }

    private mutating func endCancel(
        _ initiatedEventID: Int64
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        guard self.externalCancels.removeValue(forKey: initiatedEventID) != nil else {
            throw HistoryCorrupted("cancel request \(initiatedEventID) is not on its way")
        }
        return [.externalCancel(initiatedEventID)]
    }

    /// The event that says a child was started has got its id.
    mutating func applyNumber(ofChildStarted event: HistoryEvent) -> [RunItem.Changed] {
        let id = event.childWorkflowExecutionStartedEventAttributes.initiatedEventID
        guard self.children[id] != nil else { return [] }
        self.children[id]?.startedEventID = event.eventID
        return [.child(id)]
    }

    // MARK: Parents

    /// Takes in whose child a run is, and which run is at the root of its tree.
    mutating func applyParent(
        _ attributes: Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes
    ) {
        self.info.rootWorkflowID = attributes.workflowID
        self.info.rootRunID = self.info.runID
        guard attributes.hasParentWorkflowExecution else { return }
        self.info.parentNamespaceID = attributes.parentWorkflowNamespaceID
        self.info.parentNamespace = attributes.parentWorkflowNamespace
        self.info.parentWorkflowID = attributes.parentWorkflowExecution.workflowID
        self.info.parentRunID = attributes.parentWorkflowExecution.runID
        self.info.parentInitiatedEventID = attributes.parentInitiatedEventID
        self.info.parentInitiatedEventVersion = attributes.parentInitiatedEventVersion
        // The parent knows of the chain by the time it goes on in another run, or never will.
        self.info.awaitsParent = attributes.continuedExecutionRunID.isEmpty
        guard attributes.hasRootWorkflowExecution else { return }
        self.info.rootWorkflowID = attributes.rootWorkflowExecution.workflowID
        self.info.rootRunID = attributes.rootWorkflowExecution.runID
    }

    // MARK: Request ids

    /// Corrects the request id of what an event asked for, if this run did not write the event.
    ///
    /// A reset takes over what is on its way: sent again, it must be the same request.
    mutating func setRequestID(of event: HistoryEvent, writtenBy writer: RunID) {
        let id = requestID(of: event, writtenBy: writer)
        self.children[event.eventID]?.createRequestID = id
        self.externalSignals[event.eventID]?.requestID = id
        self.externalCancels[event.eventID]?.requestID = id
    }
}

/// What both events have in common that send something to another workflow.
private protocol ExternalInitiatedAttributes {
    var namespace: String { get }
    var namespaceID: String { get }
    var workflowExecution: Temporal_Api_Common_V1_WorkflowExecution { get }
    var childWorkflowOnly: Bool { get }
    var workflowTaskCompletedEventID: Int64 { get }
    var control: String { get }
}

extension Temporal_Api_History_V1_SignalExternalWorkflowExecutionInitiatedEventAttributes:
    ExternalInitiatedAttributes
{}
extension Temporal_Api_History_V1_RequestCancelExternalWorkflowExecutionInitiatedEventAttributes:
    ExternalInitiatedAttributes
{}

/// Names the request an event leads to, the same whenever and wherever it is asked.
private func requestID(of event: HistoryEvent, writtenBy writer: RunID) -> String {
    StoredChild.requestID(of: event.eventID, writtenBy: writer)
}

extension StoredChild {
    /// Whether the parent knows that the child was started.
    package var isStarted: Bool { !self.runID.isEmpty }

    static func requestID(of eventID: Int64, writtenBy writer: RunID) -> String {
        "\(writer):\(eventID)"
    }
}

extension HistoryEvent {
    /// The run that goes on writing behind this event, if the event says so.
    var writer: RunID? {
        switch self.attributes {
        case .workflowExecutionStartedEventAttributes(let attributes):
            RunID(attributes.originalExecutionRunID)
        case .workflowTaskFailedEventAttributes(let attributes)
        where attributes.cause == .resetWorkflow:
            RunID(attributes.newRunID)
        default: nil
        }
    }
}
