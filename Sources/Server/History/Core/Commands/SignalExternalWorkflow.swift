import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func signalExternal(
        _ attributes: Temporal_Api_Command_V1_SignalExternalWorkflowExecutionCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badSignalWorkflowExecutionAttributes
        guard attributes.hasExecution else {
            throw CommandFailure(
                cause, "Execution is not set on SignalExternalWorkflowExecutionCommand.")
        }
        let namespace = try self.target(attributes.namespace, cause)
        try self.checkTarget(attributes)
        try checkPending(
            self.state.externalSignals.count, self.settings.pendingSignalsMax,
            "pending signals to external workflows", .pendingSignalsLimitExceeded)
        try self.check(
            size: size(of: attributes.input),
            of: "SignalExternalWorkflowExecutionCommandAttributes.Input", cause)
        let event = self.append(
            .signalExternalWorkflowExecutionInitiated,
            .signalExternalWorkflowExecutionInitiatedEventAttributes(
                .with {
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.namespace = attributes.namespace
                    $0.namespaceID = namespace.id.rawValue
                    $0.workflowExecution = attributes.execution
                    $0.signalName = attributes.signalName
                    if attributes.hasInput { $0.input = attributes.input }
                    $0.control = attributes.control
                    $0.childWorkflowOnly = attributes.childWorkflowOnly
                    if attributes.hasHeader { $0.header = attributes.header }
                })
        ) { annotate(&$0, from: command) }
        self.add { $0.signalExternal = event.eventID }
    }

    private func checkTarget(
        _ attributes: Temporal_Api_Command_V1_SignalExternalWorkflowExecutionCommandAttributes
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badSignalWorkflowExecutionAttributes
        let (workflowID, runID) = (attributes.execution.workflowID, attributes.execution.runID)
        let limit = self.settings.idLengthMax
        guard !workflowID.isEmpty else {
            throw CommandFailure(
                cause,
                "WorkflowId is not set on SignalExternalWorkflowExecutionCommand. Namespace=\(attributes.namespace) RunId=\(runID) SignalName=\(attributes.signalName)"
            )
        }
        let lengths = [
            ("Namespace", attributes.namespace.utf8.count), ("WorkflowId", workflowID.utf8.count),
        ]
        for (name, length) in lengths where length > limit {
            throw CommandFailure(
                cause,
                "\(name) on SignalExternalWorkflowExecutionCommand exceeds length limit. WorkflowId=\(workflowID) Length=\(length) Limit=\(limit) RunId=\(runID) SignalName=\(attributes.signalName)"
            )
        }
        guard runID.isEmpty || isUUID(runID) else {
            throw CommandFailure(
                cause,
                "Invalid RunId set on SignalExternalWorkflowExecutionCommand. WorkflowId=\(workflowID) Namespace=\(attributes.namespace) RunId=\(runID) SignalName=\(attributes.signalName)"
            )
        }
        guard !attributes.signalName.isEmpty else {
            throw CommandFailure(
                cause,
                "SignalName is not set on SignalExternalWorkflowExecutionCommand. WorkflowId=\(workflowID) Namespace=\(attributes.namespace) RunId=\(runID)"
            )
        }
    }
}
