import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

// The API's messages by the names its documentation uses.

package typealias StartWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest
package typealias StartWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_StartWorkflowExecutionResponse
package typealias SignalWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionRequest
package typealias SignalWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionResponse
package typealias QueryWorkflowRequest = Temporal_Api_Workflowservice_V1_QueryWorkflowRequest
package typealias QueryWorkflowResponse = Temporal_Api_Workflowservice_V1_QueryWorkflowResponse
package typealias GetWorkflowExecutionHistoryRequest =
    Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryRequest
package typealias GetWorkflowExecutionHistoryResponse =
    Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryResponse
package typealias RegisterNamespaceRequest =
    Temporal_Api_Workflowservice_V1_RegisterNamespaceRequest
package typealias RegisterNamespaceResponse =
    Temporal_Api_Workflowservice_V1_RegisterNamespaceResponse
package typealias PollWorkflowTaskQueueRequest =
    Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueRequest
package typealias PollWorkflowTaskQueueResponse =
    Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse
package typealias RespondWorkflowTaskCompletedRequest =
    Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest
package typealias RespondWorkflowTaskCompletedResponse =
    Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedResponse
package typealias RespondWorkflowTaskFailedRequest =
    Temporal_Api_Workflowservice_V1_RespondWorkflowTaskFailedRequest
package typealias RespondWorkflowTaskFailedResponse =
    Temporal_Api_Workflowservice_V1_RespondWorkflowTaskFailedResponse
package typealias RespondQueryTaskCompletedRequest =
    Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest
package typealias RespondQueryTaskCompletedResponse =
    Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedResponse
package typealias PollActivityTaskQueueRequest =
    Temporal_Api_Workflowservice_V1_PollActivityTaskQueueRequest
package typealias PollActivityTaskQueueResponse =
    Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse
package typealias RecordActivityTaskHeartbeatRequest =
    Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatRequest
package typealias RecordActivityTaskHeartbeatResponse =
    Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatResponse
package typealias RespondActivityTaskCompletedRequest =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskCompletedRequest
package typealias RespondActivityTaskCompletedResponse =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskCompletedResponse
package typealias RespondActivityTaskFailedRequest =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskFailedRequest
package typealias RespondActivityTaskFailedResponse =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskFailedResponse
package typealias SignalWithStartWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionRequest
package typealias SignalWithStartWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionResponse
package typealias RequestCancelWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_RequestCancelWorkflowExecutionRequest
package typealias RequestCancelWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_RequestCancelWorkflowExecutionResponse
package typealias TerminateWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_TerminateWorkflowExecutionRequest
package typealias TerminateWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_TerminateWorkflowExecutionResponse
package typealias DescribeWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_DescribeWorkflowExecutionRequest
package typealias DescribeWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_DescribeWorkflowExecutionResponse
package typealias ListWorkflowExecutionsRequest =
    Temporal_Api_Workflowservice_V1_ListWorkflowExecutionsRequest
package typealias ListWorkflowExecutionsResponse =
    Temporal_Api_Workflowservice_V1_ListWorkflowExecutionsResponse
package typealias CountWorkflowExecutionsRequest =
    Temporal_Api_Workflowservice_V1_CountWorkflowExecutionsRequest
package typealias CountWorkflowExecutionsResponse =
    Temporal_Api_Workflowservice_V1_CountWorkflowExecutionsResponse
package typealias ResetStickyTaskQueueRequest =
    Temporal_Api_Workflowservice_V1_ResetStickyTaskQueueRequest
package typealias ResetStickyTaskQueueResponse =
    Temporal_Api_Workflowservice_V1_ResetStickyTaskQueueResponse
package typealias ShutdownWorkerRequest =
    Temporal_Api_Workflowservice_V1_ShutdownWorkerRequest
package typealias ShutdownWorkerResponse =
    Temporal_Api_Workflowservice_V1_ShutdownWorkerResponse
package typealias DescribeTaskQueueRequest =
    Temporal_Api_Workflowservice_V1_DescribeTaskQueueRequest
package typealias DescribeTaskQueueResponse =
    Temporal_Api_Workflowservice_V1_DescribeTaskQueueResponse
package typealias RespondActivityTaskCanceledRequest =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskCanceledRequest
package typealias RespondActivityTaskCanceledResponse =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskCanceledResponse
package typealias RespondActivityTaskCompletedByIdRequest =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskCompletedByIdRequest
package typealias RespondActivityTaskCompletedByIdResponse =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskCompletedByIdResponse
package typealias RespondActivityTaskFailedByIdRequest =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskFailedByIdRequest
package typealias RespondActivityTaskFailedByIdResponse =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskFailedByIdResponse
package typealias RespondActivityTaskCanceledByIdRequest =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskCanceledByIdRequest
package typealias RespondActivityTaskCanceledByIdResponse =
    Temporal_Api_Workflowservice_V1_RespondActivityTaskCanceledByIdResponse
package typealias RecordActivityTaskHeartbeatByIdRequest =
    Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatByIdRequest
package typealias RecordActivityTaskHeartbeatByIdResponse =
    Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatByIdResponse
package typealias GetWorkflowExecutionHistoryReverseRequest =
    Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryReverseRequest
package typealias GetWorkflowExecutionHistoryReverseResponse =
    Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryReverseResponse
package typealias PauseActivityRequest =
    Temporal_Api_Workflowservice_V1_PauseActivityRequest
package typealias PauseActivityResponse =
    Temporal_Api_Workflowservice_V1_PauseActivityResponse
package typealias UnpauseActivityRequest =
    Temporal_Api_Workflowservice_V1_UnpauseActivityRequest
package typealias UnpauseActivityResponse =
    Temporal_Api_Workflowservice_V1_UnpauseActivityResponse
package typealias ResetActivityRequest =
    Temporal_Api_Workflowservice_V1_ResetActivityRequest
package typealias ResetActivityResponse =
    Temporal_Api_Workflowservice_V1_ResetActivityResponse
package typealias UpdateActivityOptionsRequest =
    Temporal_Api_Workflowservice_V1_UpdateActivityOptionsRequest
package typealias UpdateActivityOptionsResponse =
    Temporal_Api_Workflowservice_V1_UpdateActivityOptionsResponse
package typealias PauseActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_PauseActivityExecutionRequest
package typealias PauseActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_PauseActivityExecutionResponse
package typealias UnpauseActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_UnpauseActivityExecutionRequest
package typealias UnpauseActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_UnpauseActivityExecutionResponse
package typealias ResetActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_ResetActivityExecutionRequest
package typealias ResetActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_ResetActivityExecutionResponse
package typealias UpdateActivityExecutionOptionsRequest =
    Temporal_Api_Workflowservice_V1_UpdateActivityExecutionOptionsRequest
package typealias UpdateActivityExecutionOptionsResponse =
    Temporal_Api_Workflowservice_V1_UpdateActivityExecutionOptionsResponse
package typealias StartActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_StartActivityExecutionRequest
package typealias StartActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_StartActivityExecutionResponse
package typealias DescribeActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest
package typealias DescribeActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_DescribeActivityExecutionResponse
package typealias PollActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_PollActivityExecutionRequest
package typealias PollActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_PollActivityExecutionResponse
package typealias ListActivityExecutionsRequest =
    Temporal_Api_Workflowservice_V1_ListActivityExecutionsRequest
package typealias ListActivityExecutionsResponse =
    Temporal_Api_Workflowservice_V1_ListActivityExecutionsResponse
package typealias CountActivityExecutionsRequest =
    Temporal_Api_Workflowservice_V1_CountActivityExecutionsRequest
package typealias CountActivityExecutionsResponse =
    Temporal_Api_Workflowservice_V1_CountActivityExecutionsResponse
package typealias RequestCancelActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_RequestCancelActivityExecutionRequest
package typealias RequestCancelActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_RequestCancelActivityExecutionResponse
package typealias TerminateActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_TerminateActivityExecutionRequest
package typealias TerminateActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_TerminateActivityExecutionResponse
package typealias DeleteActivityExecutionRequest =
    Temporal_Api_Workflowservice_V1_DeleteActivityExecutionRequest
package typealias DeleteActivityExecutionResponse =
    Temporal_Api_Workflowservice_V1_DeleteActivityExecutionResponse
package typealias PauseWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_PauseWorkflowExecutionRequest
package typealias PauseWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_PauseWorkflowExecutionResponse
package typealias UnpauseWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_UnpauseWorkflowExecutionRequest
package typealias UnpauseWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_UnpauseWorkflowExecutionResponse
package typealias UpdateWorkflowExecutionOptionsRequest =
    Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionOptionsRequest
package typealias UpdateWorkflowExecutionOptionsResponse =
    Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionOptionsResponse
package typealias ResetWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_ResetWorkflowExecutionRequest
package typealias ResetWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_ResetWorkflowExecutionResponse
package typealias UpdateWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionRequest
package typealias UpdateWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionResponse
package typealias PollWorkflowExecutionUpdateRequest =
    Temporal_Api_Workflowservice_V1_PollWorkflowExecutionUpdateRequest
package typealias PollWorkflowExecutionUpdateResponse =
    Temporal_Api_Workflowservice_V1_PollWorkflowExecutionUpdateResponse
package typealias ExecuteMultiOperationRequest =
    Temporal_Api_Workflowservice_V1_ExecuteMultiOperationRequest
package typealias ExecuteMultiOperationResponse =
    Temporal_Api_Workflowservice_V1_ExecuteMultiOperationResponse
package typealias DeleteWorkflowExecutionRequest =
    Temporal_Api_Workflowservice_V1_DeleteWorkflowExecutionRequest
package typealias DeleteWorkflowExecutionResponse =
    Temporal_Api_Workflowservice_V1_DeleteWorkflowExecutionResponse
package typealias DescribeNamespaceRequest =
    Temporal_Api_Workflowservice_V1_DescribeNamespaceRequest
package typealias DescribeNamespaceResponse =
    Temporal_Api_Workflowservice_V1_DescribeNamespaceResponse
package typealias UpdateNamespaceRequest =
    Temporal_Api_Workflowservice_V1_UpdateNamespaceRequest
package typealias UpdateNamespaceResponse =
    Temporal_Api_Workflowservice_V1_UpdateNamespaceResponse
package typealias ListNamespacesRequest =
    Temporal_Api_Workflowservice_V1_ListNamespacesRequest
package typealias ListNamespacesResponse =
    Temporal_Api_Workflowservice_V1_ListNamespacesResponse
package typealias GetSystemInfoRequest =
    Temporal_Api_Workflowservice_V1_GetSystemInfoRequest
package typealias GetSystemInfoResponse =
    Temporal_Api_Workflowservice_V1_GetSystemInfoResponse
package typealias GetClusterInfoRequest =
    Temporal_Api_Workflowservice_V1_GetClusterInfoRequest
package typealias GetClusterInfoResponse =
    Temporal_Api_Workflowservice_V1_GetClusterInfoResponse

package typealias Command = Temporal_Api_Command_V1_Command
package typealias Failure = Temporal_Api_Failure_V1_Failure
package typealias ProtocolMessage = Temporal_Api_Protocol_V1_Message
package typealias HistoryEvent = Temporal_Api_History_V1_HistoryEvent
package typealias Payload = Temporal_Api_Common_V1_Payload
package typealias Payloads = Temporal_Api_Common_V1_Payloads
package typealias TaskQueue = Temporal_Api_Taskqueue_V1_TaskQueue
package typealias ActivityExecutionStatus = Temporal_Api_Enums_V1_ActivityExecutionStatus
package typealias ActivityExecutionListInfo =
    Temporal_Api_Activity_V1_ActivityExecutionListInfo
package typealias ActivityOutcome = Temporal_Api_Activity_V1_ActivityExecutionOutcome
package typealias ActivityOptions = Temporal_Api_Activity_V1_ActivityOptions
package typealias PendingActivity = Temporal_Api_Workflow_V1_PendingActivityInfo
package typealias WorkflowOptions = Temporal_Api_Workflow_V1_WorkflowExecutionOptions
package typealias WorkflowExecutionInfo = Temporal_Api_Workflow_V1_WorkflowExecutionInfo
package typealias WorkflowExecution = Temporal_Api_Common_V1_WorkflowExecution

extension Payloads {
    /// One payload that holds `text`.
    package init(text: String) {
        self.init()
        self.payloads = [
            .with {
                $0.metadata = ["encoding": Data("binary/plain".utf8)]
                $0.data = Data(text.utf8)
            }
        ]
    }

    /// The first payload's text; empty if there is none.
    package var text: String {
        self.payloads.first.map { String(decoding: $0.data, as: UTF8.self) } ?? ""
    }
}

extension Payload {
    /// A string as SDKs write it.
    package static func json(_ text: String) -> Payload {
        .with {
            $0.metadata = ["encoding": Data("json/plain".utf8)]
            $0.data = Data("\"\(text)\"".utf8)
        }
    }

    /// The text of a string as SDKs write it.
    package var jsonText: String {
        String(String(decoding: self.data, as: UTF8.self).dropFirst().dropLast())
    }
}
