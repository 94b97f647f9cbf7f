import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Starts a workflow and updates it, or updates the one that is running.
    ///
    /// `isRepeated` if it was tried before on a run that closed meanwhile.
    mutating func startAndUpdate(
        _ start: StartRequest, _ update: UpdateWorkflowRequest, isRepeated: Bool, _ call: Call,
        _ effects: inout [Effect]
    ) {
        if start.hasVersioningOverride,
            let error = start.versioningOverride.refusal(taskQueue: start.taskQueue.name)
        {
            return self.refuse(call.id, .startFailed(error), seeing: nil, &effects)
        }
        guard let current = self.currentRun(for: call, &effects) else { return }
        guard case .run(let run) = current else {
            return self.create(start, update, call, replacing: nil, &effects)
        }
        let key = run.state.key
        if run.isMeant(by: start, update) {
            return self.update(run, start, update, isRepeated: isRepeated, call, &effects)
        }
        guard run.state.isRunning else {
            if let error = self.refusal(of: start.workflowIDReusePolicy, after: run) {
                return self.refuse(call.id, .startFailed(error), seeing: key, &effects)
            }
            return self.create(start, update, call, replacing: key.runID, &effects)
        }
        guard start.workflowIDConflictPolicy == .terminateExisting else {
            return self.refuse(call.id, .startFailed(run.alreadyStarted), seeing: key, &effects)
        }
        if let error = self.tooManyStarts(of: run) {
            return self.refuse(call.id, .startFailed(error), seeing: key, &effects)
        }
        let newRunID = RunID(self.generator.uuid())
        self.terminateForReplacement(run, by: newRunID, &effects)
        self.create(start, update, call, runID: newRunID, replacing: key.runID, &effects)
    }

    /// Updates the run that is there.
    private mutating func update(
        _ run: CachedRun, _ start: StartRequest, _ update: UpdateWorkflowRequest,
        isRepeated: Bool, _ call: Call, _ effects: inout [Effect]
    ) {
        let key = run.state.key
        if let error = self.admit(update, to: run, &effects) {
            let refusal = ServiceError.updateFailed(error, isStarted: false)
            return self.refuse(call.id, refusal, seeing: key, &effects)
        }
        let started = StartResponse.with {
            $0.runID = key.runID.rawValue
            $0.firstExecutionRunID = run.state.info.firstRunID
            $0.status = run.state.info.status
            $0.link = .startedEvent(of: key, namespace: call.request.namespace.name)
        }
        self.wait(for: self.waiter(for: update, call, .startAndUpdate(started)), on: key, &effects)
    }

    /// Starts a run whose first workflow task brings the update along.
    private mutating func create(
        _ start: StartRequest, _ update: UpdateWorkflowRequest, _ call: Call, runID: RunID? = nil,
        replacing previous: RunID?, _ effects: inout [Effect]
    ) {
        var transition = self.creating(
            start, call, runID: runID ?? RunID(self.generator.uuid()))
        let refusal = transition.state.updateRefusal(
            update.request, transition.updates, self.settings)
        if let refusal {
            return self.refuse(
                call.id, .updateFailed(refusal, isStarted: false), seeing: nil, &effects)
        }
        transition.updates.admit(update.request)
        transition.needsWorkflowTask = true
        self.acceptNew(transition, replacing: previous)
        let key = transition.state.key
        guard let run = self.runs[key] else { return }
        let started = StartResponse.with {
            $0.runID = key.runID.rawValue
            $0.firstExecutionRunID = run.state.info.firstRunID
            $0.started = true
            $0.status = run.state.info.status
            $0.link = .startedEvent(of: key, namespace: call.request.namespace.name)
        }
        self.wait(for: self.waiter(for: update, call, .startAndUpdate(started)), on: key, &effects)
    }
}

extension CachedRun {
    /// Whether the update is for this run rather than for one that is started.
    fileprivate func isMeant(
        by start: HistoryShard.StartRequest, _ update: HistoryShard.UpdateWorkflowRequest
    ) -> Bool {
        let status = self.status(of: update.request.meta.updateID)
        if case .completedBefore = status { return true }
        guard self.state.isRunning else { return false }
        if self.state.info.createRequestID == start.requestID { return true }
        if case .unknown = status { return start.workflowIDConflictPolicy == .useExisting }
        return true
    }
}

extension ServiceError {
    /// The start was refused; the update was not tried.
    static func startFailed(_ error: ServiceError) -> ServiceError {
        ServiceError(
            .multiOperation([.failed(error), .aborted]), "Update-with-Start could not be executed.")
    }

    /// The update was refused, or has failed, after the start succeeded or was not needed.
    static func updateFailed(_ error: ServiceError, isStarted: Bool) -> ServiceError {
        ServiceError(
            .multiOperation([isStarted ? .succeeded : .aborted, .failed(error)]),
            "Update-with-Start could not be executed.")
    }
}
