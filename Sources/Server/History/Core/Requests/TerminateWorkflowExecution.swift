import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Ends a run at once; its worker is not asked.
    mutating func terminate(
        _ request: Temporal_Api_Workflowservice_V1_TerminateWorkflowExecutionRequest,
        _ call: Call, _ effects: inout [Effect]
    ) {
        let runID = RunID(
            request.firstExecutionRunID.isEmpty ? request.workflowExecution.runID : "")
        guard let run = self.openRun(runID, for: call, &effects) else { return }
        let key = run.state.key
        guard run.belongs(toChainOf: request.firstExecutionRunID) else {
            let error = ServiceError.notFound("workflow execution not found")
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        transition.terminateRun(
            reason: request.reason, details: request.hasDetails ? request.details : nil,
            identity: request.identity, links: request.links)
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }
}
