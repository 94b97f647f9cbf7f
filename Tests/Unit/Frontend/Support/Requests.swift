import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

typealias StartRequest = Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest
typealias StartResponse = Temporal_Api_Workflowservice_V1_StartWorkflowExecutionResponse
typealias SignalWithStartRequest =
    Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionRequest
typealias SignalWithStartResponse =
    Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionResponse
typealias ListRequest = Temporal_Api_Workflowservice_V1_ListWorkflowExecutionsRequest
typealias ListResponse = Temporal_Api_Workflowservice_V1_ListWorkflowExecutionsResponse
typealias CompletedRequest = Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest
typealias CompletedResponse = Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedResponse

extension StartRequest {
    /// A start request nothing is wrong with, but for what `edit` does.
    static func valid(_ edit: (inout StartRequest) -> Void = { _ in }) -> StartRequest {
        .with {
            $0.namespace = "default"
            $0.workflowID = "w"
            $0.workflowType.name = "Greet"
            $0.taskQueue.name = "queue"
            edit(&$0)
        }
    }
}

extension SignalWithStartRequest {
    static func valid(
        _ edit: (inout SignalWithStartRequest) -> Void = { _ in }
    ) -> SignalWithStartRequest {
        .with {
            $0.namespace = "default"
            $0.workflowID = "w"
            $0.workflowType.name = "Greet"
            $0.taskQueue.name = "queue"
            $0.signalName = "hello"
            edit(&$0)
        }
    }
}

extension Temporal_Api_Common_V1_Payload {
    static func json(_ text: String, type: String? = nil) -> Self {
        .with {
            $0.metadata["encoding"] = Data("json/plain".utf8)
            if let type { $0.metadata["type"] = Data(type.utf8) }
            $0.data = Data(text.utf8)
        }
    }
}

extension Temporal_Api_Common_V1_Payloads {
    static func bytes(_ count: Int) -> Self {
        .with { $0.payloads = [.with { $0.data = Data(repeating: 7, count: count) }] }
    }
}

/// The bytes of a task token for a task of run `FrontendWorld.runID`.
func taskToken(
    namespaceID: String = FrontendWorld.namespaceID,
    _ edit: (inout StoredTaskToken) -> Void = { _ in }
) throws -> Data {
    try StoredTaskToken.with {
        $0.namespaceID = namespaceID
        $0.workflowID = "w"
        $0.runID = FrontendWorld.runID
        $0.scheduledEventID = 5
        $0.attempt = 1
        edit(&$0)
    }.serializedBytes()
}
