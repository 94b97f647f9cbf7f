import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func requestCancelExternal(
        _ attributes:
            Temporal_Api_Command_V1_RequestCancelExternalWorkflowExecutionCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badRequestCancelExternalWorkflowExecutionAttributes
        let namespace = try self.target(attributes.namespace, cause)
        try self.checkTarget(attributes)
        try checkPending(
            self.state.externalCancels.count, self.settings.pendingCancelRequestsMax,
            "pending requests to cancel external workflows", .pendingRequestCancelLimitExceeded)
        let event = self.append(
            .requestCancelExternalWorkflowExecutionInitiated,
            .requestCancelExternalWorkflowExecutionInitiatedEventAttributes(
                .with {
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.namespace = attributes.namespace
                    $0.namespaceID = namespace.id.rawValue
                    $0.workflowExecution.workflowID = attributes.workflowID
                    $0.workflowExecution.runID = attributes.runID
                    $0.control = attributes.control
                    $0.childWorkflowOnly = attributes.childWorkflowOnly
                    $0.reason = attributes.reason
                })
        ) { annotate(&$0, from: command) }
        self.add { $0.cancelExternal = event.eventID }
    }

    private func checkTarget(
        _ attributes:
            Temporal_Api_Command_V1_RequestCancelExternalWorkflowExecutionCommandAttributes
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badRequestCancelExternalWorkflowExecutionAttributes
        let (workflowID, runID) = (attributes.workflowID, attributes.runID)
        let (namespace, limit) = (attributes.namespace, self.settings.idLengthMax)
        guard !workflowID.isEmpty else {
            throw CommandFailure(
                cause,
                "WorkflowId is not set on RequestCancelExternalWorkflowExecutionCommand. Namespace=\(namespace) RunId=\(runID)"
            )
        }
        let lengths = [
            ("Namespace", namespace.utf8.count), ("WorkflowId", workflowID.utf8.count),
        ]
        for (name, length) in lengths where length > limit {
            throw CommandFailure(
                cause,
                "\(name) on RequestCancelExternalWorkflowExecutionCommand exceeds length limit. WorkflowId=\(workflowID) Length=\(length) Limit=\(limit) RunId=\(runID) Namespace=\(namespace)"
            )
        }
        guard runID.isEmpty || isUUID(runID) else {
            throw CommandFailure(
                cause,
                "Invalid RunId set on RequestCancelExternalWorkflowExecutionCommand. WorkflowId=\(workflowID) RunId=\(runID) Namespace=\(namespace)"
            )
        }
        guard !self.newChildren.contains(workflowID) else {
            throw CommandFailure(
                cause,
                "Start and RequestCancel for child workflow is not allowed in same workflow task. WorkflowId=\(workflowID) RunId=\(runID) Namespace=\(namespace)"
            )
        }
    }
}
