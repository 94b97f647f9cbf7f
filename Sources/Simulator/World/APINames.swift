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

package typealias Command = Temporal_Api_Command_V1_Command
package typealias Failure = Temporal_Api_Failure_V1_Failure
package typealias HistoryEvent = Temporal_Api_History_V1_HistoryEvent
package typealias Payloads = Temporal_Api_Common_V1_Payloads
package typealias TaskQueue = Temporal_Api_Taskqueue_V1_TaskQueue
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
