import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func signalWithStartWorkflowExecution(
        _ request: SignalWithStartWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> SignalWithStartWorkflowExecutionResponse {
        var request = request
        try self.checkWorkflowID(request.workflowID)
        try self.checkSignalName(request.signalName)
        guard request.workflowIDConflictPolicy != .fail else {
            throw .conflictPolicyFailUnsupported
        }
        try self.prepareStart(&request, call, conflictDefault: .useExisting)
        try self.checkBlob(request.signalInput)
        return try await self.send(
            .signalWithStart(request), to: request.workflowID, call
        ) { reply -> SignalWithStartWorkflowExecutionResponse? in
            if case .signalWithStarted(let response) = reply { response } else { nil }
        }
    }
}
