import Primitives
import SwiftProtobuf
import TemporalAPI

/// Takes every built RPC with its types.
package protocol RPCVisitor {
    mutating func visit<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ rpc: BuiltRPC<Request, Response>)
}

/// The RPCs that are built; all others of the served APIs are answered `UNIMPLEMENTED`.
package enum FrontendRPCs {
    package static let workflowService = "temporal.api.workflowservice.v1.WorkflowService"
    static let respondWorkflowTaskCompleted = RPCName(
        service: workflowService, method: "RespondWorkflowTaskCompleted")

    /// The built RPCs, in the order they are visited in.
    package static var table: [RPCName] {
        var list = NameList()
        self.visitAll(&list)
        return list.names
    }

    /// Hands every built RPC to `visitor`, once.
    package static func visitAll(_ visitor: inout some RPCVisitor) {
        self.visitClusterAndNamespaces(&visitor)
        self.visitWorkflows(&visitor)
        self.visitUpdates(&visitor)
        self.visitOperators(&visitor)
        self.visitWorkers(&visitor)
        self.visitTasks(&visitor)
        self.visitActivitiesByID(&visitor)
        self.visitStandaloneActivities(&visitor)
        self.visitActivityOperations(&visitor)
    }

    private static func visitUpdates(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .namespaced("UpdateWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.updateWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("PollWorkflowExecutionUpdate") {
                (service, request, call) async throws(ServiceError) in
                try await service.pollWorkflowExecutionUpdate(request, call)
            })
        visitor.visit(
            .namespaced("ExecuteMultiOperation") {
                (service, request, call) async throws(ServiceError) in
                try await service.executeMultiOperation(request, call)
            })
    }

    private static func visitClusterAndNamespaces(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .cluster("GetSystemInfo") {
                (service, request, call) async throws(ServiceError) in
                try await service.getSystemInfo(request, call)
            })
        visitor.visit(
            .cluster("GetClusterInfo") {
                (service, request, call) async throws(ServiceError) in
                try await service.getClusterInfo(request, call)
            })
        visitor.visit(
            .cluster("RegisterNamespace", about: { CallTarget(namespace: $0.namespace) }) {
                (service, request, call) async throws(ServiceError) in
                try await service.registerNamespace(request, call)
            })
        visitor.visit(
            .cluster(
                "DescribeNamespace",
                about: { CallTarget(namespace: $0.namespace, id: NamespaceID($0.id)) }
            ) {
                (service, request, call) async throws(ServiceError) in
                try await service.describeNamespace(request, call)
            })
        visitor.visit(
            .cluster("ListNamespaces") {
                (service, request, call) async throws(ServiceError) in
                try await service.listNamespaces(request, call)
            })
        visitor.visit(
            .namespaced("UpdateNamespace") {
                (service, request, call) async throws(ServiceError) in
                try await service.updateNamespace(request, call)
            })
    }

    private static func visitWorkflows(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .namespaced("StartWorkflowExecution", states: .registered) {
                (service, request, call) async throws(ServiceError) in
                try await service.startWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("SignalWithStartWorkflowExecution", states: .registered) {
                (service, request, call) async throws(ServiceError) in
                try await service.signalWithStartWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("SignalWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.signalWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("UpdateWorkflowExecutionOptions") {
                (service, request, call) async throws(ServiceError) in
                try await service.updateWorkflowExecutionOptions(request, call)
            })
        visitor.visit(
            .namespaced("RequestCancelWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.requestCancelWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("TerminateWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.terminateWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("QueryWorkflow") {
                (service, request, call) async throws(ServiceError) in
                try await service.queryWorkflow(request, call)
            })
        visitor.visit(
            .namespaced("DescribeWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.describeWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("GetWorkflowExecutionHistory") {
                (service, request, call) async throws(ServiceError) in
                try await service.getWorkflowExecutionHistory(request, call)
            })
        visitor.visit(
            .namespaced("ListWorkflowExecutions") {
                (service, request, call) async throws(ServiceError) in
                try await service.listWorkflowExecutions(request, call)
            })
        visitor.visit(
            .namespaced("CountWorkflowExecutions") {
                (service, request, call) async throws(ServiceError) in
                try await service.countWorkflowExecutions(request, call)
            })
    }

    /// What people do with runs, and how they look at them.
    private static func visitOperators(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .namespaced("ResetWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.resetWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("DeleteWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.deleteWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("PauseWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.pauseWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("UnpauseWorkflowExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.unpauseWorkflowExecution(request, call)
            })
        visitor.visit(
            .namespaced("GetWorkflowExecutionHistoryReverse") {
                (service, request, call) async throws(ServiceError) in
                try await service.getWorkflowExecutionHistoryReverse(request, call)
            })
    }

    private static func visitWorkers(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .namespaced("PollWorkflowTaskQueue") {
                (service, request, call) async throws(ServiceError) in
                try await service.pollWorkflowTaskQueue(request, call)
            })
        visitor.visit(
            .namespaced("PollActivityTaskQueue") {
                (service, request, call) async throws(ServiceError) in
                try await service.pollActivityTaskQueue(request, call)
            })
        visitor.visit(
            .namespaced("ResetStickyTaskQueue") {
                (service, request, call) async throws(ServiceError) in
                try await service.resetStickyTaskQueue(request, call)
            })
        visitor.visit(
            .namespaced("ShutdownWorker") {
                (service, request, call) async throws(ServiceError) in
                try await service.shutdownWorker(request, call)
            })
        visitor.visit(
            .namespaced("DescribeTaskQueue") {
                (service, request, call) async throws(ServiceError) in
                try await service.describeTaskQueue(request, call)
            })
    }

    private static func visitTasks(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .task("RespondWorkflowTaskCompleted") {
                (service, request, token, call) async throws(ServiceError) in
                try await service.respondWorkflowTaskCompleted(request, token, call)
            })
        visitor.visit(
            .task("RespondWorkflowTaskFailed") {
                (service, request, token, call) async throws(ServiceError) in
                try await service.respondWorkflowTaskFailed(request, token, call)
            })
        visitor.visit(
            .task("RespondQueryTaskCompleted") {
                (service, request, token, call) async throws(ServiceError) in
                try await service.respondQueryTaskCompleted(request, token, call)
            })
        visitor.visit(
            .task("RespondActivityTaskCompleted") {
                (service, request, token, call) async throws(ServiceError) in
                try await service.respondActivityTaskCompleted(request, token, call)
            })
        visitor.visit(
            .task("RespondActivityTaskFailed") {
                (service, request, token, call) async throws(ServiceError) in
                try await service.respondActivityTaskFailed(request, token, call)
            })
        visitor.visit(
            .task("RespondActivityTaskCanceled") {
                (service, request, token, call) async throws(ServiceError) in
                try await service.respondActivityTaskCanceled(request, token, call)
            })
        visitor.visit(
            .task("RecordActivityTaskHeartbeat") {
                (service, request, token, call) async throws(ServiceError) in
                try await service.recordActivityTaskHeartbeat(request, token, call)
            })
    }

    private static func visitStandaloneActivities(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .namespaced("StartActivityExecution", states: .registered) {
                (service, request, call) async throws(ServiceError) in
                try await service.startActivityExecution(request, call)
            })
        visitor.visit(
            .namespaced("DescribeActivityExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.describeActivityExecution(request, call)
            })
        visitor.visit(
            .namespaced("PollActivityExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.pollActivityExecution(request, call)
            })
        visitor.visit(
            .namespaced("ListActivityExecutions") {
                (service, request, call) async throws(ServiceError) in
                try await service.listActivityExecutions(request, call)
            })
        visitor.visit(
            .namespaced("CountActivityExecutions") {
                (service, request, call) async throws(ServiceError) in
                try await service.countActivityExecutions(request, call)
            })
        visitor.visit(
            .namespaced("RequestCancelActivityExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.requestCancelActivityExecution(request, call)
            })
        visitor.visit(
            .namespaced("TerminateActivityExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.terminateActivityExecution(request, call)
            })
        visitor.visit(
            .namespaced("DeleteActivityExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.deleteActivityExecution(request, call)
            })
    }

    private static func visitActivitiesByID(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .namespaced("RespondActivityTaskCompletedById") {
                (service, request, call) async throws(ServiceError) in
                try await service.respondActivityTaskCompletedById(request, call)
            })
        visitor.visit(
            .namespaced("RespondActivityTaskFailedById") {
                (service, request, call) async throws(ServiceError) in
                try await service.respondActivityTaskFailedById(request, call)
            })
        visitor.visit(
            .namespaced("RespondActivityTaskCanceledById") {
                (service, request, call) async throws(ServiceError) in
                try await service.respondActivityTaskCanceledById(request, call)
            })
        visitor.visit(
            .namespaced("RecordActivityTaskHeartbeatById") {
                (service, request, call) async throws(ServiceError) in
                try await service.recordActivityTaskHeartbeatById(request, call)
            })
    }

    private static func visitActivityOperations(_ visitor: inout some RPCVisitor) {
        visitor.visit(
            .namespaced("PauseActivity") {
                (service, request, call) async throws(ServiceError) in
                try await service.pauseActivity(request, call)
            })
        visitor.visit(
            .namespaced("UnpauseActivity") {
                (service, request, call) async throws(ServiceError) in
                try await service.unpauseActivity(request, call)
            })
        visitor.visit(
            .namespaced("ResetActivity") {
                (service, request, call) async throws(ServiceError) in
                try await service.resetActivity(request, call)
            })
        visitor.visit(
            .namespaced("UpdateActivityOptions") {
                (service, request, call) async throws(ServiceError) in
                try await service.updateActivityOptions(request, call)
            })
        visitor.visit(
            .namespaced("PauseActivityExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.pauseActivityExecution(request, call)
            })
        visitor.visit(
            .namespaced("UnpauseActivityExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.unpauseActivityExecution(request, call)
            })
        visitor.visit(
            .namespaced("ResetActivityExecution") {
                (service, request, call) async throws(ServiceError) in
                try await service.resetActivityExecution(request, call)
            })
        visitor.visit(
            .namespaced("UpdateActivityExecutionOptions") {
                (service, request, call) async throws(ServiceError) in
                try await service.updateActivityExecutionOptions(request, call)
            })
    }
}

/// Takes the names alone.
private struct NameList: RPCVisitor {
    var names: [RPCName] = []

    mutating func visit<Request, Response>(_ rpc: BuiltRPC<Request, Response>) {
        self.names.append(rpc.name)
    }
}
