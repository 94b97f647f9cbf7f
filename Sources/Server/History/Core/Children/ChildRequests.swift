import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

// What other runs ask of a run.
extension HistoryShard {
    mutating func perform(
        _ operation: RunOperation, _ call: Call, _ effects: inout [Effect]
    ) {
        switch operation {
        case .startChild(let start): self.start(start, call, &effects)
        case .releaseChild(let child): self.release(child, call, &effects)
        case .closeChild(let child, let policy): self.close(child, policy, call, &effects)
        case .recordChildClosed(let end): self.record(end, call, &effects)
        case .signal(let signal): self.signal(signal, call, &effects)
        case .requestCancel(let cancel): self.requestCancel(cancel, call, &effects)
        }
    }

    // MARK: Starting

    /// Starts a child, unless the parent has done so already or the workflow id is taken.
    private mutating func start(_ start: ChildStart, _ call: Call, _ effects: inout [Effect]) {
        let request = start.request
        if request.hasVersioningOverride,
            let error = request.versioningOverride.refusal(taskQueue: request.taskQueue.name)
        {
            return self.refuse(call.id, error, seeing: nil, &effects)
        }
        guard let current = self.currentRun(for: call, &effects) else { return }
        if case .run(let run) = current, run.state.wasStarted(by: start) {
            return self.replyStarted(run.state, call, &effects)
        }
        do throws(ServiceError) {
            let opening = try self.makeRoom(
                replacing: current, request.workflowIDReusePolicy,
                terminates: request.workflowIDReusePolicy == .terminateIfRunning, &effects)
            self.createChild(start, call, opening, &effects)
        } catch {
            self.refuse(call.id, error, seeing: current.key, &effects)
        }
    }

    private mutating func createChild(
        _ start: ChildStart, _ call: Call, _ opening: Opening, _ effects: inout [Effect]
    ) {
        let transition = self.creating(start.request, call, runID: opening.runID) { attributes in
            attributes.parentWorkflowNamespace = start.parent.namespaceName
            attributes.parentWorkflowNamespaceID = start.parent.key.namespaceID.rawValue
            attributes.parentWorkflowExecution = start.parent.execution
            attributes.parentInitiatedEventID = start.parent.initiatedEventID
            attributes.rootWorkflowExecution = start.root
        }
        self.acceptNew(transition, replacing: opening.previous)
        self.replyStarted(transition.state, call, &effects)
    }

    private mutating func replyStarted(
        _ state: MutableState, _ call: Call, _ effects: inout [Effect]
    ) {
        let response = StartResponse.with {
            $0.runID = state.info.runID
            $0.firstExecutionRunID = state.info.firstRunID
            $0.started = true
        }
        self.reply(call.id, .started(response), seeing: state.key, &effects)
    }

    // MARK: Releasing and closing

    /// The child as its parent knows it, if it is open; nil if it is being loaded or the call has
    /// been refused.
    private mutating func openChild(
        _ child: ChildSelection, for call: Call, _ effects: inout [Effect]
    ) -> CachedRun? {
        // The parent means whichever run of the chain is the current one.
        guard let run = self.openRun(RunID(""), for: call, &effects) else { return nil }
        guard run.belongs(toChainOf: child.firstRunID.rawValue) else {
            self.refuse(
                call.id, .workflowNotFound(call.address.workflowID), seeing: run.state.key,
                &effects)
            return nil
        }
        guard run.state.isChild(of: child.parent) else {
            self.refuse(call.id, .parentDoesNotMatch, seeing: run.state.key, &effects)
            return nil
        }
        return run
    }

    /// Gives a child its first workflow task, or lets its back-off begin to count.
    private mutating func release(
        _ child: ChildSelection, _ call: Call, _ effects: inout [Effect]
    ) {
        guard let run = self.openChild(child, for: call, &effects) else { return }
        if run.state.awaitsParent {
            var transition = self.transition(of: run)
            transition.state.info.awaitsParent = false
            transition.needsWorkflowTask = true
            self.accept(transition, &effects)
        }
        self.reply(call.id, .done, seeing: run.state.key, &effects)
    }

    private mutating func close(
        _ child: ChildSelection, _ policy: Temporal_Api_Enums_V1_ParentClosePolicy, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let run = self.openChild(child, for: call, &effects) else { return }
        var transition = self.transition(of: run)
        switch policy {
        case .abandon, .UNRECOGNIZED: return self.release(child, call, &effects)
        case .terminate, .unspecified:
            transition.terminateRun(
                reason: "by parent close policy", details: nil, identity: historyServiceIdentity)
        case .requestCancel:
            // The parent that would have released it is gone.
            transition.state.info.awaitsParent = false
            transition.needsWorkflowTask = true
            if !run.state.info.cancelRequested {
                transition.append(
                    .workflowExecutionCancelRequested,
                    .workflowExecutionCancelRequestedEventAttributes(
                        .with {
                            $0.externalWorkflowExecution = child.parent.execution
                            $0.identity = historyServiceIdentity
                        }))
            } else if !run.state.awaitsParent {
                return self.reply(call.id, .done, seeing: run.state.key, &effects)
            }
        }
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: run.state.key, &effects)
    }
}

extension MutableState {
    /// Whether this run, or the one its chain began with, came from this very start.
    fileprivate func wasStarted(by start: ChildStart) -> Bool {
        let parent = start.parent
        return self.info.createRequestID == start.request.requestID
            || self.info.parentNamespaceID == parent.key.namespaceID.rawValue
                && self.info.parentWorkflowID == parent.key.workflowID.rawValue
                && self.info.parentRunID == parent.key.runID.rawValue
                && self.info.parentInitiatedEventID == parent.initiatedEventID
    }
}
