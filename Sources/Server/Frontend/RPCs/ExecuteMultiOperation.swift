import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    /// Does several operations as one; what can be combined is a start and an update.
    func executeMultiOperation(
        _ request: ExecuteMultiOperationRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ExecuteMultiOperationResponse {
        guard request.operations.count == 2,
            case .startWorkflow(var start) = request.operations[0].operation,
            case .updateWorkflow(var update) = request.operations[1].operation
        else { throw .operationsNotStartAndUpdate }
        let startFlaw = self.flaw { () throws(ServiceError) in
            try self.prepareOperation(&start, of: request, call)
        }
        var updateFlaw = self.flaw { () throws(ServiceError) in
            try self.prepareOperation(&update, of: request)
        }
        if startFlaw == nil, updateFlaw == nil,
            start.workflowID != update.workflowExecution.workflowID
        {
            updateFlaw = .invalidArgument(
                "WorkflowId is not consistent with previous operation(s).")
        }
        if startFlaw != nil || updateFlaw != nil {
            let ends = [startFlaw, updateFlaw].map { flaw -> ServiceError.OperationEnd in
                flaw.map { .failed($0) } ?? .aborted
            }
            throw .updateWithStart(ends)
        }
        return try await self.send(
            .startAndUpdate(start, update, isRepeated: false), to: start.workflowID, call
        ) { reply -> ExecuteMultiOperationResponse? in
            guard case .startedAndUpdated(let started, let updated) = reply else { return nil }
            return .with {
                $0.responses = [
                    .with { $0.startWorkflow = started }, .with { $0.updateWorkflow = updated },
                ]
            }
        }
    }

    private func flaw(in check: () throws(ServiceError) -> Void) -> ServiceError? {
        do throws(ServiceError) {
            try check()
            return nil
        } catch {
            return error
        }
    }

    private func prepareOperation(
        _ start: inout StartWorkflowExecutionRequest, of request: ExecuteMultiOperationRequest,
        _ call: NamespaceCall
    ) throws(ServiceError) {
        try Self.checkNamespace(start.namespace, of: request)
        try self.prepareStart(&start, call)
        guard start.cronSchedule.isEmpty else {
            throw .invalidArgument("CronSchedule is not allowed.")
        }
        guard !start.requestEagerExecution else {
            throw .invalidArgument("RequestEagerExecution is not supported.")
        }
        guard Duration(clamping: start.workflowStartDelay) == .zero else {
            throw .invalidArgument("WorkflowStartDelay is not supported.")
        }
    }

    private func prepareOperation(
        _ update: inout UpdateWorkflowExecutionRequest, of request: ExecuteMultiOperationRequest
    ) throws(ServiceError) {
        try Self.checkNamespace(update.namespace, of: request)
        try self.prepareUpdate(&update)
        guard update.firstExecutionRunID.isEmpty else {
            throw .invalidArgument("FirstExecutionRunId is not allowed.")
        }
        guard update.workflowExecution.runID.isEmpty else {
            throw .invalidArgument("RunId is not allowed.")
        }
    }

    private static func checkNamespace(
        _ namespace: String, of request: ExecuteMultiOperationRequest
    ) throws(ServiceError) {
        guard namespace.isEmpty || namespace == request.namespace else {
            throw .invalidArgument("Operation namespace did not match request's namespace.")
        }
    }
}

extension ServiceError {
    fileprivate static let operationsNotStartAndUpdate = invalidArgument(
        "Operations have to be exactly [Start, Update].")
}
