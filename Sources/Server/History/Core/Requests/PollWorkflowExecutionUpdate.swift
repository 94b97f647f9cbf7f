import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Waits for an update that was sent before.
    mutating func pollUpdate(
        _ request: Temporal_Api_Workflowservice_V1_PollWorkflowExecutionUpdateRequest,
        _ call: Call, _ effects: inout [Effect]
    ) {
        let reference = request.updateRef
        let runID = RunID(reference.workflowExecution.runID)
        guard let run = self.run(runID, for: call, &effects) else { return }
        if case .unknown = run.status(of: reference.updateID) {
            let error = ServiceError.notFound("update \"\(reference.updateID)\" not found")
            return self.refuse(call.id, error, seeing: run.state.key, &effects)
        }
        let waiter = UpdateWaiter(
            id: call.id, updateID: reference.updateID, updateRequestID: "",
            stage: request.waitPolicy.lifecycleStage, asked: .poll, request: call.request,
            deadline: self.now + self.settings.historyLongPollExpiration)
        self.wait(for: waiter, on: run.state.key, &effects)
    }
}
