import GRPCCore
import SwiftProtobuf
import TemporalAPI

/// One of the service's RPCs, with the messages it takes and gives.
struct RPC<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>: Sendable {
    let descriptor: MethodDescriptor

    init(_ name: String, service: String = "temporal.api.workflowservice.v1.WorkflowService") {
        self.descriptor = MethodDescriptor(fullyQualifiedService: service, method: name)
    }
}

/// The RPCs that scenarios and workers use.
enum WorkflowService {
    static let start = RPC<StartWorkflowExecutionRequest, StartWorkflowExecutionResponse>(
        "StartWorkflowExecution")
    static let signal = RPC<SignalWorkflowExecutionRequest, SignalWorkflowExecutionResponse>(
        "SignalWorkflowExecution")
    static let terminate = RPC<
        TerminateWorkflowExecutionRequest, TerminateWorkflowExecutionResponse
    >("TerminateWorkflowExecution")
    static let query = RPC<QueryWorkflowRequest, QueryWorkflowResponse>(
        "QueryWorkflow")
    static let update = RPC<UpdateWorkflowExecutionRequest, UpdateWorkflowExecutionResponse>(
        "UpdateWorkflowExecution")
    static let history = RPC<
        GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse
    >("GetWorkflowExecutionHistory")
    static let systemInfo = RPC<GetSystemInfoRequest, GetSystemInfoResponse>(
        "GetSystemInfo")
    static let pollWorkflowTask = RPC<PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse>(
        "PollWorkflowTaskQueue")
    static let pollActivityTask = RPC<PollActivityTaskQueueRequest, PollActivityTaskQueueResponse>(
        "PollActivityTaskQueue")
    static let completeWorkflowTask = RPC<
        RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse
    >("RespondWorkflowTaskCompleted")
    static let completeActivityTask = RPC<
        RespondActivityTaskCompletedRequest, RespondActivityTaskCompletedResponse
    >("RespondActivityTaskCompleted")
    static let completeQueryTask = RPC<
        RespondQueryTaskCompletedRequest, RespondQueryTaskCompletedResponse
    >("RespondQueryTaskCompleted")
}
