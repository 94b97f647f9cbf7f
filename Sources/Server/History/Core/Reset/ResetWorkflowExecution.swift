import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    typealias ResetRequest = Temporal_Api_Workflowservice_V1_ResetWorkflowExecutionRequest

    static let resetPageMax = 1_000

    /// Goes back in a run's history: a new run takes its beginning over and goes on from there.
    ///
    /// Comes here again after everything it had to read; other requests to the workflow wait.
    mutating func reset(_ request: ResetRequest, _ call: Call, _ effects: inout [Effect]) {
        if let missing = call.missing { self.resets[call.id]?.missing.insert(missing) }
        let known = self.resets[call.id]
        let runID = known?.base ?? RunID(request.workflowExecution.runID)
        guard let base = self.run(runID, for: call, &effects) else {
            if self.loads[call.address] == nil { self.resets[call.id] = nil }
            return
        }
        let point = request.workflowTaskFinishEventID
        guard point > 1, point < base.state.info.nextEventID else {
            return self.refuseReset(
                call,
                .invalidArgument(
                    "Workflow task finish ID must be > 1 && <= workflow last event ID."),
                &effects)
        }
        if let error = request.refusal(for: base) {
            return self.refuseReset(call, error, &effects)
        }
        var reading = known ?? ResetReading(base: base.state.key.runID, point: point)
        self.resets[call.id] = reading
        guard let current = self.currentRun(for: call, reading, &effects) else { return }
        if case .run(let run) = current, run.state.info.resetRequestID == request.requestID {
            self.resets[call.id] = nil
            return self.reply(
                call.id, .reset(run.state.key.runID), seeing: run.state.key, &effects)
        }
        let excluded = request.excludedTypes
        guard self.read(&reading, base, isReapplying: !excluded.isAll, call, &effects) else {
            if self.resets[call.id] != nil { self.resets[call.id] = reading }
            return
        }
        self.fork(base, current, reading, request, call, &effects)
    }

    private mutating func refuseReset(
        _ call: Call, _ error: ServiceError, _ effects: inout [Effect]
    ) {
        self.resets[call.id] = nil
        self.refuse(call.id, error, seeing: nil, &effects)
    }

    /// The workflow's current run; nil while it is being loaded.
    private mutating func currentRun(
        for call: Call, _ reading: ResetReading, _ effects: inout [Effect]
    ) -> Current? {
        if let run = self.cached(call.address, RunID("")) { return .run(run) }
        if reading.missing.contains(nil) { return Current.none }
        self.load(call.address, nil, then: .request(call.id, call.request), &effects)
        return nil
    }

    // MARK: Reading

    /// Reads on; true once everything is there.
    private mutating func read(
        _ reading: inout ResetReading, _ base: CachedRun, isReapplying: Bool, _ call: Call,
        _ effects: inout [Effect]
    ) -> Bool {
        while true {
            guard let run = self.cached(call.address, reading.runID) else {
                // Its retention is over: what is known of the chain ends here.
                if reading.missing.contains(reading.runID) { return true }
                self.load(
                    call.address, reading.runID, then: .request(call.id, call.request), &effects)
                return false
            }
            let end = isReapplying ? run.state.info.nextEventID : reading.point
            if reading.nextEventID < end {
                self.readHistory(run, reading.nextEventID..<end, call, &effects)
                return false
            }
            guard isReapplying, let next = reading.continuation else { return true }
            reading.proceed(to: next)
        }
    }

    private mutating func readHistory(
        _ run: CachedRun, _ events: Range<Int64>, _ call: Call, _ effects: inout [Effect]
    ) {
        let waiting = Waiting.request(call.id, call.request)
        if self.loads[call.address] != nil {
            self.loads[call.address]?.waiting.append(waiting)
            return
        }
        self.loads[call.address] = Load(runID: run.state.key.runID, waiting: [waiting])
        // The store has the events only when the batch they came with is durable.
        self.hold(
            .readHistory(call.id, run.state.key, events, eventsMax: Self.resetPageMax),
            until: run.lastBatch, &effects)
    }

    mutating func historyRead(
        _ id: RequestID, _ key: WorkflowKey, _ result: Result<[HistoryNode], StoreError>,
        _ effects: inout [Effect]
    ) {
        guard let load = self.loads.removeValue(forKey: key.address) else { return }
        defer { self.forgetDeletedRuns() }
        var failure: ServiceError?
        switch result {
        case .failure:
            failure = .unavailable("the workflow's history cannot be read now, try again")
        case .success(let nodes):
            do throws(HistoryCorrupted) {
                try self.resets[id]?.take(nodes, of: key.runID)
            } catch {
                effects.append(.report(.runCorrupt(key, error.description)))
                failure = ServiceError(.dataLoss, "the workflow's stored history is corrupt")
            }
        }
        if let failure {
            self.resets[id] = nil
            self.refuse(id, failure, seeing: nil, &effects)
        }
        self.resume(load.waiting, of: key.address, missing: nil, &effects)
        self.evict()
        self.fireTimers(&effects)
    }

    // MARK: Forking

    private mutating func fork(
        _ base: CachedRun, _ current: Current, _ reading: ResetReading, _ request: ResetRequest,
        _ call: Call, _ effects: inout [Effect]
    ) {
        self.resets[call.id] = nil
        let newRunID = RunID(self.generator.uuid(at: self.now))
        let key = WorkflowKey(
            namespaceID: call.address.namespaceID, workflowID: call.address.workflowID,
            runID: newRunID)
        let beginning = MutableState(
            key, namespaceName: base.state.info.namespaceName,
            retention: call.request.namespace.retention,
            createRequestID: base.state.info.createRequestID)
        let rebuilt: RebuiltState
        do throws(HistoryCorrupted) {
            rebuilt = try RebuiltState(reading.batches, on: beginning, settings: self.settings)
        } catch {
            effects.append(.report(.runCorrupt(base.state.key, error.description)))
            return self.refuseReset(
                call, ServiceError(.dataLoss, "the workflow's stored history is corrupt"),
                &effects)
        }
        guard rebuilt.state.hasWorkflowTask else {
            return self.refuseReset(
                call,
                .invalidArgument(
                    "Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: \(reading.point)"
                ), &effects)
        }
        var later = reading.later
        var previous: RunID?
        if case .run(let run) = current {
            previous = run.state.key.runID
            let written = self.leave(
                run, for: newRunID, isBase: run.state.key == base.state.key, request.reason,
                &effects)
            if run.state.key.runID == reading.runID {
                later += written.filter {
                    $0.mayBeReapplied(isOfBaseRun: reading.runID == reading.base)
                }
            }
        }
        self.noteReset(of: base.state.key, by: newRunID, &effects)
        var transition = Transition(
            forking: rebuilt, reading.batches, now: self.now, settings: self.settings,
            generator: self.generator)
        transition.state.info.resetRequestID = request.requestID
        transition.beginAnew(
            from: base.state.key.runID, reason: request.reason, later,
            excluding: request.excludedTypes, then: request.postResetOperations)
        self.acceptNew(transition, replacing: previous)
        self.reply(call.id, .reset(newRunID), seeing: key, &effects)
    }

    /// Ends the current run if it is open; returns the events that this wrote.
    private mutating func leave(
        _ run: CachedRun, for newRunID: RunID, isBase: Bool, _ reason: String,
        _ effects: inout [Effect]
    ) -> [HistoryEvent] {
        guard run.state.isRunning else { return [] }
        var transition = self.transition(of: run)
        // Set first: nobody is told of an end that is none. A run that others than itself go back
        // to has ended for its callbacks and its children all the same.
        transition.state.info.leftByReset = true
        if isBase { transition.state.info.resetRunID = newRunID.rawValue }
        transition.terminateRun(reason: reason, details: nil, identity: "history-resetter")
        let written = transition.batches.flatMap { $0 }
        self.accept(transition, &effects)
        return written
    }

    /// Writes down in the run that was reset where its story goes on.
    private mutating func noteReset(
        of key: WorkflowKey, by newRunID: RunID, _ effects: inout [Effect]
    ) {
        guard let run = self.runs[key], run.state.info.resetRunID != newRunID.rawValue else {
            return
        }
        var transition = self.transition(of: run)
        transition.state.info.resetRunID = newRunID.rawValue
        self.accept(transition, &effects)
    }
}

extension Temporal_Api_Workflowservice_V1_ResetWorkflowExecutionRequest {
    /// Why what is to be done after the reset cannot be done to this run's workflow.
    fileprivate func refusal(for base: CachedRun) -> ServiceError? {
        for operation in self.postResetOperations {
            if case .updateWorkflowOptions(let update) = operation.variant,
                update.workflowExecutionOptions.hasVersioningOverride,
                let error = update.workflowExecutionOptions.versioningOverride.refusal(for: base)
            {
                return error
            }
        }
        return nil
    }

    /// What is not taken over from after the point, by the list and by the older single value.
    fileprivate var excludedTypes: Set<Temporal_Api_Enums_V1_ResetReapplyExcludeType> {
        var types = Set(self.resetReapplyExcludeTypes)
        switch self.resetReapplyType {
        case .signal: types.insert(.update)
        case .none: types.formUnion([.signal, .update])
        case .unspecified, .allEligible, .UNRECOGNIZED: break
        }
        return types
    }
}

extension Set<Temporal_Api_Enums_V1_ResetReapplyExcludeType> {
    fileprivate var isAll: Bool {
        Element.allCases.allSatisfy { $0 == .unspecified || self.contains($0) }
    }
}
