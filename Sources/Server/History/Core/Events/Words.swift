import TemporalAPI

package typealias HistoryEvent = Temporal_Api_History_V1_HistoryEvent
package typealias EventType = Temporal_Api_Enums_V1_EventType
package typealias Payloads = Temporal_Api_Common_V1_Payloads
package typealias Failure = Temporal_Api_Failure_V1_Failure
package typealias RetryState = Temporal_Api_Enums_V1_RetryState
package typealias WorkflowTaskFailedCause = Temporal_Api_Enums_V1_WorkflowTaskFailedCause
package typealias Command = Temporal_Api_Command_V1_Command
package typealias PollWorkflowTaskResponse =
    Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse
package typealias PollActivityTaskResponse =
    Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse

/// The identity the server writes into events of its own making.
package let historyServiceIdentity = "history-service"

extension EventType {
    /// Whether such an event waits in the buffer while a workflow task is with a worker, so that
    /// the events that worker has not seen come after its answer.
    var isBufferable: Bool {
        switch self {
        case .workflowExecutionSignaled, .workflowExecutionCancelRequested,
            .activityTaskStarted, .activityTaskCompleted, .activityTaskFailed,
            .activityTaskTimedOut, .activityTaskCanceled, .workflowExecutionPaused,
            .workflowExecutionUnpaused, .workflowExecutionOptionsUpdated, .timerFired,
            .workflowExecutionUpdateAdmitted:
            true
        default:
            self.isOfOtherRun
        }
    }

    /// Whether such an event says what came of a child or of a request to another workflow.
    var isOfOtherRun: Bool {
        switch self {
        case .startChildWorkflowExecutionFailed, .childWorkflowExecutionStarted,
            .signalExternalWorkflowExecutionFailed, .externalWorkflowExecutionSignaled,
            .requestCancelExternalWorkflowExecutionFailed,
            .externalWorkflowExecutionCancelRequested:
            true
        default:
            self.endsChild
        }
    }

    /// Whether such an event ends a child that was started.
    var endsChild: Bool {
        switch self {
        case .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed,
            .childWorkflowExecutionCanceled, .childWorkflowExecutionTimedOut,
            .childWorkflowExecutionTerminated:
            true
        default:
            false
        }
    }

    /// Whether such an event follows all others when the buffer is flushed.
    var endsPending: Bool { self.endsActivity || self.endsChild }

    /// Whether such an event ends an activity.
    var endsActivity: Bool {
        switch self {
        case .activityTaskCompleted, .activityTaskFailed, .activityTaskTimedOut,
            .activityTaskCanceled:
            true
        default:
            false
        }
    }

    /// Whether such an event ends its run.
    package var closesRun: Bool {
        switch self {
        case .workflowExecutionCompleted, .workflowExecutionFailed, .workflowExecutionTimedOut,
            .workflowExecutionCanceled, .workflowExecutionTerminated,
            .workflowExecutionContinuedAsNew:
            true
        default:
            false
        }
    }
}
