import Primitives
import TemporalAPI

/// What is asked of a standalone activity by those who started it; its workers ask as those of
/// workflows do.
package enum StandaloneActivityOperation: Sendable {
    case start(Temporal_Api_Workflowservice_V1_StartActivityExecutionRequest)
    case describe(Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest)
    case poll(Temporal_Api_Workflowservice_V1_PollActivityExecutionRequest)
    case requestCancel(Temporal_Api_Workflowservice_V1_RequestCancelActivityExecutionRequest)
    case terminate(Temporal_Api_Workflowservice_V1_TerminateActivityExecutionRequest)
    /// `runID` empty: the current run.
    case delete(runID: RunID)
}

/// History's answers to them; where there is no case, the answer is that it is done.
package enum StandaloneActivityReply: Sendable {
    case started(Temporal_Api_Workflowservice_V1_StartActivityExecutionResponse)
    /// Empty if nothing changed in time.
    case described(Temporal_Api_Workflowservice_V1_DescribeActivityExecutionResponse)
    /// Empty if the activity did not close in time.
    case polled(Temporal_Api_Workflowservice_V1_PollActivityExecutionResponse)
}
