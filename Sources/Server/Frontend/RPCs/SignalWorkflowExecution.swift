import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func signalWorkflowExecution(
        _ request: SignalWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> SignalWorkflowExecutionResponse {
        try self.checkExecution(request.workflowExecution, isSet: request.hasWorkflowExecution)
        try self.checkSignalName(request.signalName)
        try self.checkRequestID(request.requestID)
        try self.checkIdentity(request.identity)
        try self.checkLinks(request.links)
        try self.checkBlob(request.input)
        var request = request
        // So that it is there once if history has to be asked again.
        if request.requestID.isEmpty { request.requestID = self.uuid() }
        return try await self.send(
            .signal(request), to: request.workflowExecution.workflowID, call
        ) { reply -> SignalWorkflowExecutionResponse? in
            if case .signaled(let response) = reply { response } else { nil }
        }
    }
}
