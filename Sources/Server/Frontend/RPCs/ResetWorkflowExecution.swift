import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func resetWorkflowExecution(
        _ request: ResetWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ResetWorkflowExecutionResponse {
        guard !request.requestID.isEmpty else { throw .requestIDNotSet }
        try self.checkRequestID(request.requestID)
        try self.checkExecution(request.workflowExecution, isSet: request.hasWorkflowExecution)
        try self.checkReason(request.reason)
        try self.checkIdentity(request.identity)
        if case .UNRECOGNIZED(let number) = request.resetReapplyType {
            throw .invalidArgument("unknown reset reapply type: \(number)")
        }
        var request = request
        for index in request.postResetOperations.indices {
            try self.prepare(&request.postResetOperations[index])
        }
        let runID = try await self.send(
            .reset(request), to: request.workflowExecution.workflowID, call
        ) { reply -> RunID? in
            if case .reset(let runID) = reply { runID } else { nil }
        }
        return .with { $0.runID = runID.rawValue }
    }

    private func prepare(
        _ operation: inout Temporal_Api_Workflow_V1_PostResetOperation
    ) throws(ServiceError) {
        switch operation.variant {
        case .signalWorkflow:
            throw .invalidArgument("unsupported post reset operation: SignalWorkflow")
        case .updateWorkflowOptions(var update):
            try self.prepareOptions(&update.workflowExecutionOptions, update.updateMask.paths)
            operation.variant = .updateWorkflowOptions(update)
        case nil: throw .invalidArgument("unsupported post reset operation: none is set")
        }
    }
}
