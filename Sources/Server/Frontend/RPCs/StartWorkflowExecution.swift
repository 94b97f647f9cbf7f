import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func startWorkflowExecution(
        _ request: StartWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> StartWorkflowExecutionResponse {
        var request = request
        try self.prepareStart(&request, call)
        return try await self.send(
            .startWorkflowExecution(request), to: request.workflowID, call
        ) { reply -> StartWorkflowExecutionResponse? in
            if case .started(let response) = reply { response } else { nil }
        }
    }

    /// Checks a start and fills in what it leaves open.
    func prepareStart(
        _ request: inout StartWorkflowExecutionRequest, _ call: NamespaceCall
    ) throws(ServiceError) {
        request.dropLinksOfCallbacks()
        try self.prepareStart(&request, call, conflictDefault: .fail)
        let onConflict = request.onConflictOptions
        guard onConflict.attachRequestID || !onConflict.attachCompletionCallbacks else {
            throw .callbacksNeedRequestID
        }
        request.completionCallbacks = try self.checkedCallbacks(request.completionCallbacks, call)
        try self.checkLinks(request.links + request.completionCallbacks.flatMap(\.links))
        guard !request.hasPropagatedNexusSerializationContext else {
            throw .notBuilt("propagated_nexus_serialization_context is")
        }
        if request.eagerWorkerDeploymentOptions.workerVersioningMode == .versioned {
            // The task is for workers of a version this server cannot choose.
            request.requestEagerExecution = false
        }
    }
}
