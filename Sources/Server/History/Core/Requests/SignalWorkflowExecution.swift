import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    mutating func signal(
        _ request: Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        let runID = RunID(request.workflowExecution.runID)
        guard let run = self.openRun(runID, for: call, &effects) else { return }
        let attributes = Temporal_Api_History_V1_WorkflowExecutionSignaledEventAttributes.with {
            $0.signalName = request.signalName
            if request.hasInput { $0.input = request.input }
            $0.identity = request.identity
            if request.hasHeader { $0.header = request.header }
            $0.requestID = request.requestID
        }
        if let error = self.deliver(attributes, links: request.links, to: run, &effects) {
            self.refuse(call.id, error, seeing: run.state.key, &effects)
        } else {
            let response =
                Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionResponse.with {
                    $0.link = .signal(request.requestID, of: run.state.key, call)
                }
            self.reply(call.id, .signaled(response), seeing: run.state.key, &effects)
        }
    }

    /// Appends a signal, once per request id.
    mutating func deliver(
        _ attributes: Temporal_Api_History_V1_WorkflowExecutionSignaledEventAttributes,
        links: [Temporal_Api_Common_V1_Link], to run: CachedRun, _ effects: inout [Effect]
    ) -> ServiceError? {
        if !attributes.requestID.isEmpty,
            run.state.signalRequestIDs.contains(attributes.requestID)
        {
            return nil
        }
        guard run.state.info.signalCount < self.settings.signalsPerExecutionMax else {
            return .invalidArgument("exceeded workflow execution limit for signal events")
        }
        if run.state.info.closeAttempted, run.state.hasStartedWorkflowTask {
            return .workflowClosing
        }
        var transition = self.transition(of: run)
        transition.append(
            .workflowExecutionSignaled, .workflowExecutionSignaledEventAttributes(attributes)
        ) { $0.links = links }
        transition.needsWorkflowTask = true
        self.accept(transition, &effects)
        return nil
    }
}

extension Temporal_Api_Common_V1_Link {
    /// A link to the signal a request brought.
    static func signal(
        _ requestID: String, of key: WorkflowKey, _ call: HistoryShard.Call
    ) -> Self {
        .request(
            requestID, .workflowExecutionSignaled, of: key, namespace: call.request.namespace.name)
    }
}
