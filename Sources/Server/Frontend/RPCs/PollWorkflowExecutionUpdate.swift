import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func pollWorkflowExecutionUpdate(
        _ request: PollWorkflowExecutionUpdateRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> PollWorkflowExecutionUpdateResponse {
        guard request.hasUpdateRef else {
            throw .invalidArgument("UpdateRef is not set on request.")
        }
        let execution = request.updateRef.workflowExecution
        try self.checkExecution(execution, isSet: request.updateRef.hasWorkflowExecution)
        guard self.settings.enableUpdates else { throw .updatesDisabled }
        if case .UNRECOGNIZED(let number) = request.waitPolicy.lifecycleStage {
            throw .invalidArgument("unknown UpdateWorkflowExecutionLifecycleStage \(number)")
        }
        return try await self.send(
            .pollUpdate(request), to: execution.workflowID, call
        ) { reply -> PollWorkflowExecutionUpdateResponse? in
            if case .updatePolled(let response) = reply { response } else { nil }
        }
    }
}
