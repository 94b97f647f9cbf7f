import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    mutating func respondFailed(
        _ token: StoredTaskToken,
        _ request: Temporal_Api_Workflowservice_V1_RespondWorkflowTaskFailedRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(RunID(token.runID), for: call, &effects) else { return }
        let key = run.state.key
        guard run.state.holdsStartedTask(of: token) else {
            return self.refuse(call.id, .workflowTaskNotFound, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        if request.cause == .grpcMessageTooLarge {
            transition.terminateRun(
                reason: "GrpcMessageTooLarge", details: nil, identity: historyServiceIdentity)
        } else {
            transition.failWorkflowTask(
                request.cause, failure: request.hasFailure ? request.failure : nil,
                identity: request.identity, binaryChecksum: request.binaryChecksum)
        }
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }
}
