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

extension RPC where Response == StartWorkflowExecutionResponse {
    static var start: RPC<StartWorkflowExecutionRequest, Response> {
        .init("StartWorkflowExecution")
    }
}

extension RPC where Response == SignalWorkflowExecutionResponse {
    static var signal: RPC<SignalWorkflowExecutionRequest, Response> {
        .init("SignalWorkflowExecution")
    }
}

extension RPC where Response == TerminateWorkflowExecutionResponse {
    static var terminate: RPC<TerminateWorkflowExecutionRequest, Response> {
        .init("TerminateWorkflowExecution")
    }
}

extension RPC where Response == QueryWorkflowResponse {
    static var query: RPC<QueryWorkflowRequest, Response> { .init("QueryWorkflow") }
}

extension RPC where Response == UpdateWorkflowExecutionResponse {
    static var update: RPC<UpdateWorkflowExecutionRequest, Response> {
        .init("UpdateWorkflowExecution")
    }
}

extension RPC where Response == GetWorkflowExecutionHistoryResponse {
    static var history: RPC<GetWorkflowExecutionHistoryRequest, Response> {
        .init("GetWorkflowExecutionHistory")
    }
}

extension RPC where Response == GetSystemInfoResponse {
    static var systemInfo: RPC<GetSystemInfoRequest, Response> { .init("GetSystemInfo") }
}

extension RPC where Response == PollWorkflowTaskQueueResponse {
    static var pollWorkflowTask: RPC<PollWorkflowTaskQueueRequest, Response> {
        .init("PollWorkflowTaskQueue")
    }
}

extension RPC where Response == PollActivityTaskQueueResponse {
    static var pollActivityTask: RPC<PollActivityTaskQueueRequest, Response> {
        .init("PollActivityTaskQueue")
    }
}

extension RPC where Response == RespondWorkflowTaskCompletedResponse {
    static var completeWorkflowTask: RPC<RespondWorkflowTaskCompletedRequest, Response> {
        .init("RespondWorkflowTaskCompleted")
    }
}

extension RPC where Response == RespondActivityTaskCompletedResponse {
    static var completeActivityTask: RPC<RespondActivityTaskCompletedRequest, Response> {
        .init("RespondActivityTaskCompleted")
    }
}

extension RPC where Response == RespondQueryTaskCompletedResponse {
    static var completeQueryTask: RPC<RespondQueryTaskCompletedRequest, Response> {
        .init("RespondQueryTaskCompleted")
    }
}
