import Primitives
import SwiftProtobuf
import TemporalAPI

/// What a parent's history says of its children, and of what it asked of others.
package struct FamilyHistory: Sendable {
    package struct Child: Sendable {
        package let initiatedEventID: Int64
        package let closePolicy: ChildPlan.ClosePolicy
        package var isRefused = false
        /// The first run of the child's chain; nil if the parent knows of none.
        package var runID: String?
        package var end: ChildEndSeen?

        /// Whether the child goes on when its parent has closed.
        var isLeftAlone: Bool { self.closePolicy == .abandon }
    }

    /// A signal or a cancel request.
    package struct Request: Sendable {
        package enum Kind: Sendable { case signal, cancel }

        package let kind: Kind
        package let text: String
        package let target: WorkflowExecution
        package let askedAt: Timestamp
        package var isDelivered: Bool?
        package var answeredAt: Timestamp?
    }

    package let parent: WorkflowExecution
    /// By workflow id, in the order they were asked for.
    package private(set) var children: [String: [Child]] = [:]
    /// By the event that asked.
    package private(set) var requests: [Int64: Request] = [:]
    package let closedAt: Timestamp

    package init(_ events: [HistoryEvent], of parent: WorkflowExecution) {
        self.parent = parent
        self.closedAt = events.last.map { Timestamp($0.eventTime) } ?? .distantFuture
        for event in events { self.apply(event) }
    }

    private mutating func apply(_ event: HistoryEvent) {
        switch event.attributes {
        case .startChildWorkflowExecutionInitiatedEventAttributes(let initiated):
            self.children[initiated.workflowID, default: []].append(
                Child(
                    initiatedEventID: event.eventID, closePolicy: initiated.parentClosePolicy))
        case .startChildWorkflowExecutionFailedEventAttributes(let failed):
            self.change(failed.workflowID, failed.initiatedEventID) { $0.isRefused = true }
        case .childWorkflowExecutionStartedEventAttributes(let started):
            let child = started.workflowExecution
            self.change(child.workflowID, started.initiatedEventID) { $0.runID = child.runID }
        case .signalExternalWorkflowExecutionInitiatedEventAttributes(let initiated):
            self.requests[event.eventID] = Request(
                kind: .signal, text: initiated.input.text, target: initiated.workflowExecution,
                askedAt: Timestamp(event.eventTime))
        case .requestCancelExternalWorkflowExecutionInitiatedEventAttributes(let initiated):
            self.requests[event.eventID] = Request(
                kind: .cancel, text: initiated.reason, target: initiated.workflowExecution,
                askedAt: Timestamp(event.eventTime))
        case .externalWorkflowExecutionSignaledEventAttributes(let signaled):
            self.answer(signaled.initiatedEventID, true, event)
        case .signalExternalWorkflowExecutionFailedEventAttributes(let failed):
            self.answer(failed.initiatedEventID, false, event)
        case .externalWorkflowExecutionCancelRequestedEventAttributes(let requested):
            self.answer(requested.initiatedEventID, true, event)
        case .requestCancelExternalWorkflowExecutionFailedEventAttributes(let failed):
            self.answer(failed.initiatedEventID, false, event)
        default:
            guard let end = ChildEndSeen(event) else { return }
            self.change(end.child.workflowID, end.initiatedEventID) { $0.end = end }
        }
    }

    private mutating func change(
        _ childID: String, _ initiatedEventID: Int64, _ body: (inout Child) -> Void
    ) {
        guard
            let index = self.children[childID]?.firstIndex(where: {
                $0.initiatedEventID == initiatedEventID
            }), var child = self.children[childID]?[index]
        else { return }
        body(&child)
        self.children[childID]?[index] = child
    }

    private mutating func answer(
        _ initiatedEventID: Int64, _ isDelivered: Bool, _ event: HistoryEvent
    ) {
        self.requests[initiatedEventID]?.isDelivered = isDelivered
        self.requests[initiatedEventID]?.answeredAt = Timestamp(event.eventTime)
    }
}
