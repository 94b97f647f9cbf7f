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
        for operation in request.postResetOperations {
            switch operation.variant {
            case .signalWorkflow:
                throw .invalidArgument("unsupported post reset operation: SignalWorkflow")
            case .updateWorkflowOptions: throw .notBuilt("post-reset workflow options are")
            case nil: throw .invalidArgument("unsupported post reset operation: none is set")
            }
        }
        let runID = try await self.send(
            .reset(request), to: request.workflowExecution.workflowID, call
        ) { reply -> RunID? in
            if case .reset(let runID) = reply { runID } else { nil }
        }
        return .with { $0.runID = runID.rawValue }
    }
}
