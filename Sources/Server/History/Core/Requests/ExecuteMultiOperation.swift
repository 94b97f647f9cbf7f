import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Starts a workflow and updates it, or updates the one that is running.
    mutating func startAndUpdate(
        _ start: StartRequest, _ update: UpdateWorkflowRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        if start.hasVersioningOverride,
            let error = start.versioningOverride.refusal(taskQueue: start.taskQueue.name)
        {
            return self.refuse(call.id, .startFailed(error), seeing: nil, &effects)
        }
        guard let current = self.currentRun(for: call, &effects) else { return }
        if case .run(let run) = current, run.isMeant(by: start, update) {
            return self.update(run, update, call, &effects)
        }
        // Before anything gives way: what a new run would not take starts none.
        if let error = MutableState().updateRefusal(
            update.request, PendingUpdates(), self.settings)
        {
            let refusal = ServiceError.updateFailed(error, isStarted: false)
            return self.refuse(call.id, refusal, seeing: current.key, &effects)
        }
        do throws(ServiceError) {
            let opening = try self.makeRoom(
                replacing: current, start.workflowIDReusePolicy,
                terminates: start.workflowIDConflictPolicy == .terminateExisting, &effects)
            self.create(start, update, call, opening, &effects)
        } catch {
            self.refuse(call.id, .startFailed(error), seeing: current.key, &effects)
        }
    }

    /// Updates the run that is there.
    private mutating func update(
        _ run: CachedRun, _ update: UpdateWorkflowRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        let key = run.state.key
        if let error = self.admit(update, to: run, &effects) {
            let refusal = ServiceError.updateFailed(error, isStarted: false)
            return self.refuse(call.id, refusal, seeing: key, &effects)
        }
        self.wait(for: update, startedHere: false, on: run, call, &effects)
    }

    /// Starts a run whose first workflow task brings the update along.
    private mutating func create(
        _ start: StartRequest, _ update: UpdateWorkflowRequest, _ call: Call, _ opening: Opening,
        _ effects: inout [Effect]
    ) {
        var transition = self.creating(start, call, runID: opening.runID)
        transition.updates.admit(update.request)
        transition.needsWorkflowTask = true
        self.acceptNew(transition, replacing: opening.previous)
        guard let run = self.runs[transition.state.key] else { return }
        self.wait(for: update, startedHere: true, on: run, call, &effects)
    }

    private mutating func wait(
        for update: UpdateWorkflowRequest, startedHere: Bool, on run: CachedRun, _ call: Call,
        _ effects: inout [Effect]
    ) {
        let key = run.state.key
        let started = StartResponse.with {
            $0.runID = key.runID.rawValue
            $0.firstExecutionRunID = run.state.info.firstRunID
            $0.started = startedHere
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
        .updateWithStart([.failed(error), .aborted])
    }

    /// The update was refused, or has failed, after the start succeeded or was not needed.
    static func updateFailed(_ error: ServiceError, isStarted: Bool) -> ServiceError {
        .updateWithStart([isStarted ? .succeeded : .aborted, .failed(error)])
    }
}
