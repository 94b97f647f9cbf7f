import BenchConnections

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
    static let describeNamespace = RPC<DescribeNamespaceRequest, DescribeNamespaceResponse>(
        "DescribeNamespace")
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
