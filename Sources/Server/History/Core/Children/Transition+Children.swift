import Primitives
import SwiftProtobuf
import TemporalAPI

typealias ChildStartFailedCause = Temporal_Api_Enums_V1_StartChildWorkflowExecutionFailedCause

extension Transition {
    // MARK: The start

    /// The child exists: the parent knows the first run of its chain from now on.
    mutating func recordChildStarted(_ child: StoredChild, runID: RunID) {
        self.append(
            .childWorkflowExecutionStarted,
            .childWorkflowExecutionStartedEventAttributes(
                .with {
                    $0.namespace = child.namespace
                    $0.namespaceID = child.namespaceID
                    $0.initiatedEventID = child.initiatedEventID
                    $0.workflowExecution.workflowID = child.workflowID
                    $0.workflowExecution.runID = runID.rawValue
                    $0.workflowType.name = child.workflowType
                    if child.hasHeader { $0.header = child.header }
                }))
        self.needsWorkflowTask = true
    }

    /// Lets a child whose start is recorded run.
    mutating func addRelease(of child: StoredChild, runID: RunID) {
        self.add { record in
            record.releaseChild = .with {
                $0.namespaceID = child.namespaceID
                $0.namespace = child.namespace
                $0.workflowID = child.workflowID
                $0.runID = runID.rawValue
                $0.initiatedEventID = child.initiatedEventID
            }
        }
    }

    mutating func recordChildStartFailed(_ child: StoredChild, _ cause: ChildStartFailedCause) {
        self.append(
            .startChildWorkflowExecutionFailed,
            .startChildWorkflowExecutionFailedEventAttributes(
                .with {
                    $0.namespace = child.namespace
                    $0.namespaceID = child.namespaceID
                    $0.workflowID = child.workflowID
                    $0.workflowType.name = child.workflowType
                    $0.cause = cause
                    $0.control = child.control
                    $0.initiatedEventID = child.initiatedEventID
                }))
        self.needsWorkflowTask = true
    }

    // MARK: The end

    /// The child's last run has ended with `event`.
    mutating func recordChildClosed(
        _ child: StoredChild, _ execution: Temporal_Api_Common_V1_WorkflowExecution,
        _ event: HistoryEvent
    ) {
        guard var end = child.end(execution, event) else { return }
        end.eventTime = self.now.proto
        self.append(end)
        self.needsWorkflowTask = true
    }

    // MARK: This run's own end

    /// The run has closed: its parent is told, and its children learn what that means to them.
    ///
    /// To the parent a reset is no end, and the children of a run that was reset go on with the run
    /// in its place.
    mutating func tellOtherRuns() {
        let info = self.state.info
        if !info.leftByReset { self.notifyParent() }
        if info.resetRunID.isEmpty { self.closeChildren() }
        if info.deleteWhenClosed { self.add { $0.deleteRun = true } }
    }

    private mutating func notifyParent() {
        let info = self.state.info
        guard self.state.hasParent, info.newExecutionRunID.isEmpty else { return }
        self.add { record in
            record.notifyParent = .with {
                $0.parentNamespaceID = info.parentNamespaceID
                $0.parentNamespace = info.parentNamespace
                $0.parentWorkflowID = info.parentWorkflowID
                $0.parentRunID = info.parentRunID
                $0.initiatedEventID = info.parentInitiatedEventID
                $0.closeEventID = info.nextEventID - 1
            }
        }
    }

    /// Those of which nobody knows whether they were started are left to the tasks that start them.
    private mutating func closeChildren() {
        let children = self.state.children.values.sorted {
            $0.initiatedEventID < $1.initiatedEventID
        }
        for child in children where child.isStarted && child.parentClosePolicy != .abandon {
            self.add { record in
                record.closeChild = .with {
                    $0.namespaceID = child.namespaceID
                    $0.namespace = child.namespace
                    $0.workflowID = child.workflowID
                    $0.runID = child.runID
                    $0.initiatedEventID = child.initiatedEventID
                    $0.policy = child.parentClosePolicy
                }
            }
        }
    }

    // MARK: Resets

    /// Sends again what was on its way to other runs when this run's history was forked.
    ///
    /// The requests are the same ones, so nothing happens twice.
    mutating func resumeOtherRuns() {
        for (id, child) in self.state.children.sorted(by: { $0.key < $1.key })
        where !child.isStarted {
            self.add { $0.startChild = id }
        }
        for id in self.state.externalSignals.keys.sorted() { self.add { $0.signalExternal = id } }
        for id in self.state.externalCancels.keys.sorted() { self.add { $0.cancelExternal = id } }
    }
}

extension StoredChild {
    /// What the parent writes down of the child's end; nil if `event` is none.
    fileprivate func end(
        _ execution: Temporal_Api_Common_V1_WorkflowExecution, _ event: HistoryEvent
    ) -> HistoryEvent? {
        switch event.attributes {
        case .workflowExecutionCompletedEventAttributes(let end):
            return .with {
                $0.eventType = .childWorkflowExecutionCompleted
                $0.childWorkflowExecutionCompletedEventAttributes = .with {
                    self.describe(&$0, execution)
                    if end.hasResult { $0.result = end.result }
                }
            }
        case .workflowExecutionFailedEventAttributes(let end):
            return .with {
                $0.eventType = .childWorkflowExecutionFailed
                $0.childWorkflowExecutionFailedEventAttributes = .with {
                    self.describe(&$0, execution)
                    if end.hasFailure { $0.failure = end.failure }
                    $0.retryState = end.retryState
                }
            }
        case .workflowExecutionCanceledEventAttributes(let end):
            return .with {
                $0.eventType = .childWorkflowExecutionCanceled
                $0.childWorkflowExecutionCanceledEventAttributes = .with {
                    self.describe(&$0, execution)
                    if end.hasDetails { $0.details = end.details }
                }
            }
        case .workflowExecutionTimedOutEventAttributes(let end):
            return .with {
                $0.eventType = .childWorkflowExecutionTimedOut
                $0.childWorkflowExecutionTimedOutEventAttributes = .with {
                    self.describe(&$0, execution)
                    $0.retryState = end.retryState
                }
            }
        case .workflowExecutionTerminatedEventAttributes:
            return .with {
                $0.eventType = .childWorkflowExecutionTerminated
                $0.childWorkflowExecutionTerminatedEventAttributes = .with {
                    self.describe(&$0, execution)
                }
            }
        default:
            return nil
        }
    }

    /// Fills in what all ends of a child have in common.
    private func describe(
        _ attributes: inout some ChildEndAttributes,
        _ execution: Temporal_Api_Common_V1_WorkflowExecution
    ) {
        attributes.namespace = self.namespace
        attributes.namespaceID = self.namespaceID
        attributes.workflowExecution = execution
        attributes.workflowType.name = self.workflowType
        attributes.initiatedEventID = self.initiatedEventID
        attributes.startedEventID = self.startedEventID
    }
}

/// What all events that end a child have in common.
protocol ChildEndAttributes {
    var namespace: String { get set }
    var namespaceID: String { get set }
    var workflowExecution: Temporal_Api_Common_V1_WorkflowExecution { get set }
    var workflowType: Temporal_Api_Common_V1_WorkflowType { get set }
    var initiatedEventID: Int64 { get set }
    var startedEventID: Int64 { get set }
}

extension Temporal_Api_History_V1_ChildWorkflowExecutionCompletedEventAttributes:
    ChildEndAttributes
{}
extension Temporal_Api_History_V1_ChildWorkflowExecutionFailedEventAttributes: ChildEndAttributes {}
extension Temporal_Api_History_V1_ChildWorkflowExecutionCanceledEventAttributes:
    ChildEndAttributes
{}
extension Temporal_Api_History_V1_ChildWorkflowExecutionTimedOutEventAttributes:
    ChildEndAttributes
{}
extension Temporal_Api_History_V1_ChildWorkflowExecutionTerminatedEventAttributes:
    ChildEndAttributes
{}

extension HistoryEvent {
    /// The child an event ends, by the event that asked for it; nil if it ends none.
    var endedChild: Int64? {
        switch self.attributes {
        case .childWorkflowExecutionCompletedEventAttributes(let end): end.initiatedEventID
        case .childWorkflowExecutionFailedEventAttributes(let end): end.initiatedEventID
        case .childWorkflowExecutionCanceledEventAttributes(let end): end.initiatedEventID
        case .childWorkflowExecutionTimedOutEventAttributes(let end): end.initiatedEventID
        case .childWorkflowExecutionTerminatedEventAttributes(let end): end.initiatedEventID
        default: nil
        }
    }

    /// Sets the event that said the child was started, on an event that ends it.
    mutating func setChildStarted(_ eventID: Int64) {
        switch self.eventType {
        case .childWorkflowExecutionCompleted:
            self.childWorkflowExecutionCompletedEventAttributes.startedEventID = eventID
        case .childWorkflowExecutionFailed:
            self.childWorkflowExecutionFailedEventAttributes.startedEventID = eventID
        case .childWorkflowExecutionCanceled:
            self.childWorkflowExecutionCanceledEventAttributes.startedEventID = eventID
        case .childWorkflowExecutionTimedOut:
            self.childWorkflowExecutionTimedOutEventAttributes.startedEventID = eventID
        case .childWorkflowExecutionTerminated:
            self.childWorkflowExecutionTerminatedEventAttributes.startedEventID = eventID
        default: return
        }
    }
}
