import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    typealias StartRequest = Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest
    typealias StartResponse = Temporal_Api_Workflowservice_V1_StartWorkflowExecutionResponse

    /// Starts a run, unless the workflow id's current run and the policies say otherwise.
    mutating func start(_ request: StartRequest, _ call: Call, _ effects: inout [Effect]) {
        if request.hasVersioningOverride,
            let error = request.versioningOverride.refusal(taskQueue: request.taskQueue.name)
        {
            return self.refuse(call.id, error, seeing: nil, &effects)
        }
        guard let current = self.currentRun(for: call, &effects) else { return }
        if case .run(let run) = current {
            if self.replyRepeated(request, run, call, &effects) { return }
            if run.state.isRunning, request.workflowIDConflictPolicy == .useExisting {
                return self.useExisting(request, run, call, &effects)
            }
        }
        do throws(ServiceError) {
            let opening = try self.makeRoom(
                replacing: current, request.workflowIDReusePolicy,
                terminates: request.workflowIDConflictPolicy == .terminateExisting, &effects)
            self.create(request, call, opening, &effects)
        } catch {
            self.refuse(call.id, error, seeing: current.key, &effects)
        }
    }

    /// Answers a start that was served before, whatever the policies say now.
    private mutating func replyRepeated(
        _ request: StartRequest, _ run: CachedRun, _ call: Call, _ effects: inout [Effect]
    ) -> Bool {
        if run.state.info.createRequestID == request.requestID {
            self.replyStarted(
                run, call, isNew: true, isEager: request.requestEagerExecution, &effects)
            return true
        }
        guard let attached = run.state.attachedRequests[request.requestID] else { return false }
        self.replyStarted(run, call, isNew: false, attached: attached, &effects)
        return true
    }

    /// Leaves the running workflow as it is, but for what the request asks to attach to it.
    private mutating func useExisting(
        _ request: StartRequest, _ run: CachedRun, _ call: Call, _ effects: inout [Effect]
    ) {
        guard request.hasOnConflictOptions else {
            return self.replyStarted(run, call, isNew: false, &effects)
        }
        if request.onConflictOptions.attachCompletionCallbacks,
            let error = run.state.refusal(
                ofCallbacks: request.completionCallbacks.count, max: self.settings.callbacksMax)
        {
            return self.refuse(call.id, error, seeing: run.state.key, &effects)
        }
        var transition = self.transition(of: run)
        transition.attach(request)
        self.accept(transition, &effects)
        self.replyStarted(
            run, call, isNew: false,
            attached: request.onConflictOptions.attachRequestID
                ? transition.state.attachedRequests[request.requestID] : nil, &effects)
    }

    enum Current {
        case none
        case run(CachedRun)

        var key: WorkflowKey? {
            if case .run(let run) = self { run.state.key } else { nil }
        }
    }

    /// Where a new run goes.
    struct Opening {
        let runID: RunID
        /// The run whose place it takes.
        let previous: RunID?
    }

    /// The current run of the call's workflow id; nil while it is being looked up.
    mutating func currentRun(for call: Call, _ effects: inout [Effect]) -> Current? {
        if let run = self.cached(call.address, RunID("")) { return .run(run) }
        if call.missing == .some(nil) { return Current.none }
        self.load(call.address, nil, then: .request(call.id, call.request), &effects)
        return nil
    }

    /// Makes room for a new run of a workflow id; a running one gives way only if it `terminates`.
    /// - Throws: why there is no room.
    mutating func makeRoom(
        replacing current: Current, _ policy: Temporal_Api_Enums_V1_WorkflowIdReusePolicy,
        terminates: Bool, _ effects: inout [Effect]
    ) throws(ServiceError) -> Opening {
        guard case .run(let run) = current else {
            return Opening(runID: RunID(self.generator.uuid(at: self.now)), previous: nil)
        }
        guard run.state.isRunning else {
            if let error = self.refusal(of: policy, after: run) { throw error }
            return Opening(
                runID: RunID(self.generator.uuid(at: self.now)), previous: run.state.key.runID)
        }
        guard terminates else { throw run.alreadyStarted }
        if let error = self.tooManyStarts(of: run) { throw error }
        let runID = RunID(self.generator.uuid(at: self.now))
        self.terminateForReplacement(run, by: runID, &effects)
        return Opening(runID: runID, previous: run.state.key.runID)
    }

    private mutating func terminateForReplacement(
        _ run: CachedRun, by newRunID: RunID, _ effects: inout [Effect]
    ) {
        var transition = self.transition(of: run)
        transition.terminateRun(
            reason: "TerminateIfRunning WorkflowIdReusePolicy",
            details: .with { $0.payloads = [.text("terminated by new runID: \(newRunID)")] },
            identity: historyServiceIdentity)
        self.accept(transition, &effects)
    }

    /// Creates the run a request describes and answers once it is durable.
    private mutating func create(
        _ request: StartRequest, _ call: Call, _ opening: Opening, _ effects: inout [Effect]
    ) {
        var transition = self.creating(request, call, runID: opening.runID)
        if request.isEager(at: self.now, self.settings) {
            transition.scheduleWorkflowTask(isForMatching: false)
            transition.startWorkflowTask(
                requestID: request.requestID, by: TaskWorker(identity: request.identity),
                isStickyPoll: false)
        } else {
            transition.needsWorkflowTask = true
        }
        self.acceptNew(transition, replacing: opening.previous)
        guard let run = self.runs[transition.state.key] else { return }
        self.replyStarted(
            run, call, isNew: true, isEager: request.requestEagerExecution, &effects)
    }

    /// `configure` adds what the request does not say to the first event's attributes.
    func creating(
        _ request: StartRequest, _ call: Call, runID: RunID,
        configure: (inout Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes) -> Void =
            { _ in }
    ) -> Transition {
        let event = HistoryEvent.with {
            $0.eventType = .workflowExecutionStarted
            $0.eventTime = self.now.proto
            $0.workflowExecutionStartedEventAttributes = request.startedAttributes(
                runID: runID, now: self.now, isEager: request.isEager(at: self.now, self.settings))
            configure(&$0.workflowExecutionStartedEventAttributes)
            if request.hasUserMetadata { $0.userMetadata = request.userMetadata }
            $0.links = request.links
        }
        let run = NewRun(runID: runID, event: event, createRequestID: request.requestID)
        return Transition.creating(
            run, namespaceID: call.address.namespaceID, namespaceName: call.request.namespace.name,
            retention: call.request.namespace.retention, now: self.now, settings: self.settings,
            generator: self.generator)
    }

    /// `attached` is the caller's request if it was attached to the run, which it did not start.
    private mutating func replyStarted(
        _ run: CachedRun, _ call: Call, isNew: Bool, attached: StoredAttachedRequest? = nil,
        isEager: Bool = false,
        _ effects: inout [Effect]
    ) {
        let key = run.state.key
        let namespace = call.request.namespace.name
        var response = StartResponse.with {
            $0.runID = key.runID.rawValue
            $0.firstExecutionRunID = run.state.info.firstRunID
            $0.started = isNew
            $0.status = run.state.info.status
            $0.link =
                attached.map {
                    .request($0.requestID, $0.eventType, of: key, namespace: namespace)
                } ?? .startedEvent(of: key, namespace: namespace)
        }
        guard isEager, run.state.hasEagerTask else {
            return self.reply(call.id, .started(response), seeing: key, &effects)
        }
        response.eagerWorkflowTask = run.state.startedWorkflowTask
        let history = run.state.taskHistory(from: 1, pageMax: self.settings.historyPageSizeMax)
        self.reply(call.id, .started(response), fetch: history, &effects)
    }
}

extension HistoryShard {
    /// Why the workflow id of a closed run may not be used again; nil if it may.
    func refusal(
        of policy: Temporal_Api_Enums_V1_WorkflowIdReusePolicy, after run: CachedRun
    ) -> ServiceError? {
        run.refusal(of: policy) ?? self.tooManyStarts(of: run)
    }

    /// Why a workflow id is too young to be used again, if that is looked at at all.
    func tooManyStarts(of run: CachedRun) -> ServiceError? {
        let interval = self.settings.workflowIDReuseIntervalMin
        let age = self.now - Timestamp(nanoseconds: run.state.info.startAt)
        guard self.settings.enableWorkflowIDReuseStartTimeValidation, interval > .zero,
            age <= interval
        else { return nil }
        let what = run.state.isRunning ? "restarts" : "starts"
        return ServiceError(
            .resourceExhausted(cause: .busyWorkflow, scope: .namespace),
            "Too many \(what) for workflow \(run.state.info.workflowID). Time since last start: \(age.nanoseconds / 1_000_000) ms"
        )
    }
}

extension CachedRun {
    fileprivate func refusal(
        of policy: Temporal_Api_Enums_V1_WorkflowIdReusePolicy
    ) -> ServiceError? {
        let ids = "WorkflowId: \(self.state.info.workflowID), RunId: \(self.state.info.runID)"
        switch policy {
        case .allowDuplicate, .terminateIfRunning, .unspecified, .UNRECOGNIZED:
            return nil
        case .allowDuplicateFailedOnly:
            switch self.state.info.status {
            case .failed, .canceled, .terminated, .timedOut: return nil
            default:
                return self.already(
                    "Workflow execution already finished successfully. \(ids). Workflow Id reuse policy: allow duplicate workflow Id if last run failed."
                )
            }
        case .rejectDuplicate:
            return self.already(
                "Workflow execution already finished. \(ids). Workflow Id reuse policy: reject duplicate workflow Id."
            )
        }
    }

    var alreadyStarted: ServiceError {
        self.already(
            "Workflow execution is already running. WorkflowId: \(self.state.info.workflowID), RunId: \(self.state.info.runID)."
        )
    }

    private func already(_ message: String) -> ServiceError {
        ServiceError(
            .workflowExecutionAlreadyStarted(
                startRequestID: self.state.info.createRequestID, runID: self.state.key.runID,
                firstRunID: RunID(self.state.info.firstRunID)), message)
    }
}

extension Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest {
    /// The first event's attributes for a run that begins a chain.
    fileprivate func startedAttributes(
        runID: RunID, now: Timestamp, isEager: Bool
    ) -> Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes {
        .with {
            $0.workflowType = self.workflowType
            $0.taskQueue = self.taskQueue
            $0.taskQueue.kind = .normal
            if self.hasInput { $0.input = self.input }
            if self.hasWorkflowExecutionTimeout {
                $0.workflowExecutionTimeout = self.workflowExecutionTimeout
            }
            if self.hasWorkflowRunTimeout { $0.workflowRunTimeout = self.workflowRunTimeout }
            $0.workflowTaskTimeout = self.workflowTaskTimeout
            let execution = Duration(clamping: self.workflowExecutionTimeout)
            if execution > .zero {
                $0.workflowExecutionExpirationTime = (now + execution).roundedToMilliseconds.proto
            }
            $0.originalExecutionRunID = runID.rawValue
            $0.firstExecutionRunID = runID.rawValue
            $0.identity = self.identity
            if self.hasRetryPolicy { $0.retryPolicy = self.retryPolicy }
            $0.attempt = 1
            $0.firstWorkflowTaskBackoff = self.firstTaskBackoff(at: now).proto
            $0.cronSchedule = self.cronSchedule
            if !self.cronSchedule.isEmpty { $0.initiator = .cronSchedule }
            if self.hasContinuedFailure { $0.continuedFailure = self.continuedFailure }
            if self.hasLastCompletionResult {
                $0.lastCompletionResult = self.lastCompletionResult
            }
            if let memo = self.memo.withoutNulls { $0.memo = memo }
            if let attributes = self.searchAttributes.withoutNulls {
                $0.searchAttributes = attributes
            }
            if self.hasHeader { $0.header = self.header }
            if self.hasPriority { $0.priority = self.priority }
            if self.hasVersioningOverride { $0.versioningOverride = self.versioningOverride }
            $0.workflowID = self.workflowID
            $0.completionCallbacks = self.completionCallbacks
            $0.eagerExecutionAccepted = isEager
        }
    }

    /// How long the first workflow task waits: for a cron schedule until it is due.
    private func firstTaskBackoff(at now: Timestamp) -> Duration {
        let delay = Duration(clamping: self.workflowStartDelay)
        if delay > .zero { return delay }
        return CronSchedule(self.cronSchedule)?.backoff(afterScheduled: now, now: now) ?? .zero
    }

    /// Whether the caller gets the run's first workflow task with the answer.
    fileprivate func isEager(at now: Timestamp, _ settings: Settings) -> Bool {
        self.requestEagerExecution && settings.enableEagerWorkflowStart
            && self.firstTaskBackoff(at: now) == .zero
    }
}

extension MutableState {
    /// Whether the run's first workflow task, given to who started it, is still with them.
    fileprivate var hasEagerTask: Bool {
        let task = self.info.workflowTask
        return self.isRunning && self.info.hasWorkflowTask && task.startedEventID == 3
            && task.attempt == 1
            && self.startedEvent.workflowExecutionStartedEventAttributes.eagerExecutionAccepted
    }
}
