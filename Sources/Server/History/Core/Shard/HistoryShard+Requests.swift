import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// One request on its way to a reply.
    struct Call {
        let id: RequestID
        let request: HistoryRequest
        /// Set when a look-up of this run (nil: of the current one) found nothing.
        let missing: RunID??

        var address: WorkflowAddress { self.request.address }
    }

    mutating func arrived(_ id: RequestID, _ request: HistoryRequest, _ effects: inout [Effect]) {
        guard self.phase != .stopped else {
            let error = ServiceError(.shardUnavailable(self.id), "the server is shutting down")
            effects.append(.reply(id, .failure(error)))
            return
        }
        guard self.live.count < self.settings.shardRequestsMax else {
            let error = ServiceError(
                .resourceExhausted(cause: .systemOverloaded, scope: .system),
                "history shard is busy")
            effects.append(.reply(id, .failure(error)))
            return
        }
        self.live.insert(id)
        if self.phase == .serving {
            self.dispatch(id, request, &effects)
        } else {
            self.early.append((id, request))
        }
    }

    /// Performs the requests that are to be tried again, now that nothing else is half done.
    mutating func performRepeated(_ effects: inout [Effect]) {
        while !self.repeated.isEmpty {
            let (id, request) = self.repeated.removeFirst()
            if self.live.contains(id) { self.dispatch(id, request, &effects) }
        }
    }

    mutating func dispatch(_ id: RequestID, _ request: HistoryRequest, _ effects: inout [Effect]) {
        if self.loads[request.address] != nil {
            // Keeps the order of requests to one workflow.
            self.loads[request.address]?.waiting.append(.request(id, request))
        } else {
            self.perform(id, request, missing: nil, &effects)
        }
    }

    /// Operators change how long closed executions are kept, and open ones follow.
    private mutating func learnRetention(from request: HistoryRequest) {
        // Requests of other runs tell what those were started with.
        if case .fromRun = request.operation { return }
        guard request.namespace.retention > .zero else { return }
        self.retentions[request.namespace.id] = request.namespace.retention
    }

    mutating func perform(
        _ id: RequestID, _ request: HistoryRequest, missing: RunID??, _ effects: inout [Effect]
    ) {
        let call = Call(id: id, request: request, missing: missing)
        self.learnRetention(from: request)
        guard request.archetype == .workflow else {
            return self.performOnActivity(call, &effects)
        }
        self.currentCall = CurrentCall(id, request.operation)
        defer { self.currentCall = nil }
        switch request.operation {
        case .startWorkflowExecution(let body): self.start(body, call, &effects)
        case .signalWithStart(let body): self.signalWithStart(body, call, &effects)
        case .signal(let body): self.signal(body, call, &effects)
        case .requestCancel(let body): self.requestCancel(body, call, &effects)
        case .terminate(let body): self.terminate(body, call, &effects)
        case .updateOptions(let body): self.updateOptions(body, call, &effects)
        case .query(let body): self.query(body, call, &effects)
        case .update(let body): self.update(body, call, &effects)
        case .pollUpdate(let body): self.pollUpdate(body, call, &effects)
        case .startAndUpdate(let start, let update, isRepeated: _):
            self.startAndUpdate(start, update, call, &effects)
        case .describe(let runID): self.describe(runID, call, &effects)
        case .getHistory(let body, let showsUnwritten):
            self.getHistory(body, showsUnwritten: showsUnwritten, call, &effects)
        case .resetStickyTaskQueue(let runID): self.resetSticky(runID, call, &effects)
        case .reset(let body): self.reset(body, call, &effects)
        case .delete(let runID): self.delete(runID, call, &effects)
        case .fromRun(let operation): self.perform(operation, call, &effects)
        case .pause(let body): self.pause(body, call, &effects)
        case .unpause(let body): self.unpause(body, call, &effects)
        case .getHistoryReverse(let body): self.getHistoryReverse(body, call, &effects)
        case .recordWorkflowTaskStarted(let start): self.recordStarted(start, call, &effects)
        case .respondWorkflowTaskCompleted(let token, let body, let flaw):
            self.respondCompleted(token, body, flaw, call, &effects)
        case .respondWorkflowTaskFailed(let token, let body):
            self.respondFailed(token, body, call, &effects)
        case .standaloneActivity: invariantFailure("a workflow is asked what activities are asked")
        case .recordActivityTaskStarted(let start): self.recordStarted(start, call, &effects)
        case .recordActivityHeartbeat(let activity, let details):
            self.recordHeartbeat(activity, details, call, &effects)
        case .respondActivityCompleted(let activity, let result, let worker):
            self.respondCompleted(activity, result, worker, call, &effects)
        case .respondActivityFailed(let activity, let failure, let details, let worker):
            self.respondFailed(activity, failure, details, worker, call, &effects)
        case .respondActivityCanceled(let activity, let details, let worker):
            self.respondCanceled(activity, details, worker, call, &effects)
        case .changeActivities(let runID, let selection, let change):
            self.changeActivities(runID, selection, change, call, &effects)
        }
    }

    /// The run a call is about; nil if it is being loaded or the call has been refused.
    mutating func run(
        _ runID: RunID, for call: Call, _ effects: inout [Effect]
    ) -> CachedRun? {
        if let run = self.cached(call.address, runID) { return run }
        let wanted: RunID? = runID.isEmpty ? nil : runID
        guard call.missing == .some(wanted) else {
            self.load(call.address, wanted, then: .request(call.id, call.request), &effects)
            return nil
        }
        self.refuse(call.id, .workflowNotFound(call.address.workflowID), seeing: nil, &effects)
        return nil
    }

    /// As ``run(_:for:_:)``, and refuses a run that is closed.
    mutating func openRun(
        _ runID: RunID, for call: Call, _ effects: inout [Effect]
    ) -> CachedRun? {
        guard let run = self.run(runID, for: call, &effects) else { return nil }
        guard run.state.isRunning else {
            self.refuse(call.id, .workflowCompleted, seeing: run.state.key, &effects)
            return nil
        }
        return run
    }
}

extension ServiceError {
    static let workflowCompleted = ServiceError.notFound("workflow execution already completed")
    static let workflowTaskNotFound = ServiceError.notFound("Workflow task not found.")

    package static func workflowNotFound(_ workflowID: WorkflowID) -> ServiceError {
        .notFound("workflow not found for ID: \(workflowID)")
    }
}
