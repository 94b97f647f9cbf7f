import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Takes a signal of another workflow in, once.
    mutating func signal(_ signal: ExternalSignal, _ call: Call, _ effects: inout [Effect]) {
        let runID = RunID(signal.request.workflowExecution.runID)
        guard let run = self.run(runID, for: call, &effects) else { return }
        let key = run.state.key
        if run.state.signalRequestIDs.contains(signal.request.requestID) {
            return self.reply(call.id, .done, seeing: key, &effects)
        }
        guard run.state.isRunning else {
            return self.refuse(call.id, .workflowCompleted, seeing: key, &effects)
        }
        guard !signal.isForChildOnly || run.state.isChild(of: signal.sender) else {
            return self.refuse(call.id, .parentDoesNotMatch, seeing: key, &effects)
        }
        let attributes = Temporal_Api_History_V1_WorkflowExecutionSignaledEventAttributes.with {
            $0.signalName = signal.request.signalName
            if signal.request.hasInput { $0.input = signal.request.input }
            if signal.request.hasHeader { $0.header = signal.request.header }
            $0.identity = signal.request.identity
            $0.requestID = signal.request.requestID
            $0.externalWorkflowExecution = signal.sender.execution
        }
        if let error = self.deliver(attributes, links: [], to: run, &effects) {
            self.refuse(call.id, error, seeing: key, &effects)
        } else {
            self.reply(call.id, .done, seeing: key, &effects)
        }
    }

    /// Asks a run to cancel itself for another workflow; a closed run has nothing against it.
    mutating func requestCancel(
        _ cancel: ExternalCancel, _ call: Call, _ effects: inout [Effect]
    ) {
        let runID = RunID(cancel.request.workflowExecution.runID)
        guard let run = self.run(runID, for: call, &effects) else { return }
        let key = run.state.key
        guard run.state.isRunning else { return self.reply(call.id, .done, seeing: key, &effects) }
        guard !cancel.isForChildOnly || run.state.isChild(of: cancel.sender) else {
            return self.refuse(call.id, .parentDoesNotMatch, seeing: key, &effects)
        }
        if run.state.info.cancelRequested {
            return self.reply(call.id, .done, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        transition.append(
            .workflowExecutionCancelRequested,
            .workflowExecutionCancelRequestedEventAttributes(
                .with {
                    $0.cause = cancel.request.reason
                    $0.externalInitiatedEventID = cancel.sender.initiatedEventID
                    $0.externalWorkflowExecution = cancel.sender.execution
                    $0.identity = cancel.request.identity
                }))
        transition.state.info.cancelRequestID = cancel.request.requestID
        transition.needsWorkflowTask = true
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }
}
