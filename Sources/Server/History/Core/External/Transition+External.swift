import Primitives
import SwiftProtobuf
import TemporalAPI

typealias SignalFailedCause = Temporal_Api_Enums_V1_SignalExternalWorkflowExecutionFailedCause
typealias CancelFailedCause = Temporal_Api_Enums_V1_CancelExternalWorkflowExecutionFailedCause

extension Transition {
    mutating func recordSignaled(_ signal: StoredExternalRequest) {
        self.append(
            .externalWorkflowExecutionSignaled,
            .externalWorkflowExecutionSignaledEventAttributes(
                .with {
                    $0.initiatedEventID = signal.initiatedEventID
                    $0.namespace = signal.namespace
                    $0.namespaceID = signal.namespaceID
                    $0.workflowExecution = signal.target
                    $0.control = signal.control
                }))
        self.needsWorkflowTask = true
    }

    mutating func recordSignalFailed(_ signal: StoredExternalRequest, _ cause: SignalFailedCause) {
        self.append(
            .signalExternalWorkflowExecutionFailed,
            .signalExternalWorkflowExecutionFailedEventAttributes(
                .with {
                    $0.cause = cause
                    $0.initiatedEventID = signal.initiatedEventID
                    $0.namespace = signal.namespace
                    $0.namespaceID = signal.namespaceID
                    $0.workflowExecution = signal.target
                    $0.control = signal.control
                }))
        self.needsWorkflowTask = true
    }

    mutating func recordCancelRequested(_ cancel: StoredExternalRequest) {
        self.append(
            .externalWorkflowExecutionCancelRequested,
            .externalWorkflowExecutionCancelRequestedEventAttributes(
                .with {
                    $0.initiatedEventID = cancel.initiatedEventID
                    $0.namespace = cancel.namespace
                    $0.namespaceID = cancel.namespaceID
                    $0.workflowExecution = cancel.target
                }))
        self.needsWorkflowTask = true
    }

    mutating func recordCancelFailed(_ cancel: StoredExternalRequest, _ cause: CancelFailedCause) {
        self.append(
            .requestCancelExternalWorkflowExecutionFailed,
            .requestCancelExternalWorkflowExecutionFailedEventAttributes(
                .with {
                    $0.cause = cause
                    $0.initiatedEventID = cancel.initiatedEventID
                    $0.namespace = cancel.namespace
                    $0.namespaceID = cancel.namespaceID
                    $0.workflowExecution = cancel.target
                }))
        self.needsWorkflowTask = true
    }
}

extension StoredExternalRequest {
    /// The workflow the request is for, as events name it.
    var target: Temporal_Api_Common_V1_WorkflowExecution {
        .with {
            $0.workflowID = self.workflowID
            $0.runID = self.runID
        }
    }

    /// Whether a run asks its own workflow, which is refused whatever run is meant.
    func isForItself(of state: MutableState) -> Bool {
        self.namespaceID == state.info.namespaceID && self.workflowID == state.info.workflowID
    }
}
