import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Asks a run to cancel itself; asking a closed run, or asking again, changes nothing.
    mutating func requestCancel(
        _ request: Temporal_Api_Workflowservice_V1_RequestCancelWorkflowExecutionRequest,
        _ call: Call, _ effects: inout [Effect]
    ) {
        // A caller who names a chain means the run that is current in it.
        let runID = RunID(
            request.firstExecutionRunID.isEmpty ? request.workflowExecution.runID : "")
        guard let run = self.run(runID, for: call, &effects) else { return }
        let key = run.state.key
        guard run.state.isRunning else { return self.reply(call.id, .done, seeing: key, &effects) }
        guard run.belongs(toChainOf: request.firstExecutionRunID) else {
            let error = ServiceError.notFound("workflow execution not found")
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        if run.state.info.cancelRequested {
            return self.reply(call.id, .done, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        transition.append(
            .workflowExecutionCancelRequested,
            .workflowExecutionCancelRequestedEventAttributes(
                .with {
                    $0.cause = request.reason
                    $0.identity = request.identity
                })
        ) { $0.links = request.links }
        transition.state.info.cancelRequestID = request.requestID
        transition.needsWorkflowTask = true
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }
}

extension CachedRun {
    /// Whether this run is of the chain that began with `runID`; empty means any.
    func belongs(toChainOf runID: String) -> Bool {
        runID.isEmpty || self.state.info.firstRunID == runID
    }
}
