import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

// Tasks that bring a signal or a cancel request to another workflow and write down what it said.
extension HistoryShard {
    // MARK: Signals

    mutating func beginSignal(
        _ initiatedEventID: Int64, _ taskID: Int64, _ effects: inout [Effect]
    ) {
        guard let run = self.run(ofTask: taskID, then: .task(taskID), &effects) else { return }
        guard let signal = run.state.externalSignals[initiatedEventID] else {
            return self.finish(taskID)
        }
        guard !signal.isForItself(of: run.state) else {
            return self.record(of: run, taskID, &effects) {
                $0.recordSignalFailed(signal, .externalWorkflowExecutionNotFound)
            }
        }
        guard let event = self.event(initiatedEventID, of: run, for: taskID, &effects) else {
            return
        }
        self.signal(initiatedEventID, as: event, taskID, &effects)
    }

    /// Sends the signal that the initiated event describes.
    mutating func signal(
        _ initiatedEventID: Int64, as event: HistoryEvent, _ taskID: Int64,
        _ effects: inout [Effect]
    ) {
        let waiting = Waiting.events(taskID, .success([event]))
        guard let run = self.run(ofTask: taskID, then: waiting, &effects) else { return }
        guard let signal = run.state.externalSignals[initiatedEventID] else {
            return self.finish(taskID)
        }
        let initiated = event.signalExternalWorkflowExecutionInitiatedEventAttributes
        let request = ExternalSignal(
            sender: run.state.sender(initiatedEventID: initiatedEventID),
            request: .with {
                $0.workflowExecution = signal.target
                $0.signalName = initiated.signalName
                if initiated.hasInput { $0.input = initiated.input }
                if initiated.hasHeader { $0.header = initiated.header }
                $0.identity = historyServiceIdentity
                $0.requestID = signal.requestID
            }, isForChildOnly: signal.childWorkflowOnly)
        self.send(.signal(request), to: signal, from: run, taskID, &effects)
    }

    mutating func signalAnswered(
        _ initiatedEventID: Int64, _ taskID: Int64, _ result: Result<HistoryReply, ServiceError>,
        _ effects: inout [Effect]
    ) {
        let waiting = Waiting.answer(taskID, result)
        guard let run = self.run(ofTask: taskID, then: waiting, &effects) else { return }
        guard let signal = run.state.externalSignals[initiatedEventID] else {
            return self.finish(taskID)
        }
        self.record(of: run, taskID, &effects) { transition in
            switch result {
            case .success: transition.recordSignaled(signal)
            case .failure(let error): transition.recordSignalFailed(signal, error.signalCause)
            }
        }
    }

    // MARK: Cancel requests

    mutating func beginCancel(
        _ initiatedEventID: Int64, _ taskID: Int64, _ effects: inout [Effect]
    ) {
        guard let run = self.run(ofTask: taskID, then: .task(taskID), &effects) else { return }
        guard let cancel = run.state.externalCancels[initiatedEventID] else {
            return self.finish(taskID)
        }
        guard !cancel.isForItself(of: run.state) else {
            return self.record(of: run, taskID, &effects) {
                $0.recordCancelFailed(cancel, .externalWorkflowExecutionNotFound)
            }
        }
        let request = ExternalCancel(
            sender: run.state.sender(initiatedEventID: initiatedEventID),
            request: .with {
                $0.workflowExecution = cancel.target
                $0.identity = historyServiceIdentity
                $0.requestID = cancel.requestID
                $0.reason = cancel.reason
            }, isForChildOnly: cancel.childWorkflowOnly)
        self.send(.requestCancel(request), to: cancel, from: run, taskID, &effects)
    }

    mutating func cancelAnswered(
        _ initiatedEventID: Int64, _ taskID: Int64, _ result: Result<HistoryReply, ServiceError>,
        _ effects: inout [Effect]
    ) {
        let waiting = Waiting.answer(taskID, result)
        guard let run = self.run(ofTask: taskID, then: waiting, &effects) else { return }
        guard let cancel = run.state.externalCancels[initiatedEventID] else {
            return self.finish(taskID)
        }
        self.record(of: run, taskID, &effects) { transition in
            switch result {
            case .success: transition.recordCancelRequested(cancel)
            case .failure(let error): transition.recordCancelFailed(cancel, error.cancelCause)
            }
        }
    }

    // MARK: Both

    private mutating func send(
        _ operation: RunOperation, to request: StoredExternalRequest, from run: CachedRun,
        _ taskID: Int64, _ effects: inout [Effect]
    ) {
        self.send(
            operation, to: NamespaceID(request.namespaceID), request.namespace,
            WorkflowID(request.workflowID), from: run, taskID, &effects)
    }

    /// Writes down what came of a task, which is done with that.
    private mutating func record(
        of run: CachedRun, _ taskID: Int64, _ effects: inout [Effect],
        _ body: (inout Transition) -> Void
    ) {
        var transition = self.transition(of: run)
        body(&transition)
        self.accept(transition, &effects)
        self.finish(taskID)
    }
}

extension ServiceError {
    /// Why a signal did not arrive, as histories name it.
    fileprivate var signalCause: SignalFailedCause {
        switch self.kind {
        case .namespaceNotFound: .namespaceNotFound
        case .invalidArgument: .signalCountLimitExceeded
        default: .externalWorkflowExecutionNotFound
        }
    }

    fileprivate var cancelCause: CancelFailedCause {
        switch self.kind {
        case .namespaceNotFound: .namespaceNotFound
        default: .externalWorkflowExecutionNotFound
        }
    }
}
