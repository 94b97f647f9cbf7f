import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    typealias UpdateWorkflowRequest =
        Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionRequest

    /// Brings an update to a worker, unless the run knows it already, and waits for it to get where
    /// the caller wants it to be.
    mutating func update(
        _ request: UpdateWorkflowRequest, _ call: Call, _ effects: inout [Effect]
    ) {
        let runID = RunID(request.workflowExecution.runID)
        guard let run = self.run(runID, for: call, &effects) else { return }
        if let error = self.admit(request, to: run, &effects) {
            return self.refuse(call.id, error, seeing: run.state.key, &effects)
        }
        self.wait(for: self.waiter(for: request, call, .update), on: run.state.key, &effects)
    }

    func waiter(
        for request: UpdateWorkflowRequest, _ call: Call, _ asked: UpdateWaiter.Asked
    ) -> UpdateWaiter {
        UpdateWaiter(
            id: call.id, updateID: request.request.meta.updateID,
            updateRequestID: request.request.requestID,
            stage: request.waitPolicy.lifecycleStage, asked: asked, request: call.request,
            deadline: self.now + self.settings.historyLongPollExpiration)
    }

    /// Takes an update in if it is a new one.
    /// - Returns: why the run does not take it.
    mutating func admit(
        _ request: UpdateWorkflowRequest, to run: CachedRun, _ effects: inout [Effect]
    ) -> ServiceError? {
        let state = run.state
        let firstRunID = request.firstExecutionRunID
        guard firstRunID.isEmpty || state.info.firstRunID == firstRunID else {
            return .notFound("workflow execution not found")
        }
        let isKnown: Bool
        if case .unknown = run.status(of: request.request.meta.updateID) {
            isKnown = false
        } else {
            isKnown = true
        }
        guard state.isRunning else { return isKnown ? nil : .workflowCompleted }
        if let obstacle = state.updateObstacle { return obstacle }
        guard !isKnown else { return nil }
        if let refusal = state.updateRefusal(request.request, run.updates, self.settings) {
            return refusal
        }
        var run = run
        run.updates.admit(request.request)
        // A task that is there already takes the update along, or the one after it does.
        if !state.hasWorkflowTask { run.state.scheduleSpeculativeTask(at: self.now) }
        self.store(run)
        if !state.hasWorkflowTask { self.offerSpeculativeTask(of: run, &effects) }
        return nil
    }

    // MARK: The speculative task

    private mutating func offerSpeculativeTask(of run: CachedRun, _ effects: inout [Effect]) {
        let key = run.state.key
        self.setTimer(key, to: run.state.nextDeadline)
        self.hold(
            .offer(run.state.speculativeDispatch(ignoringSticky: false)), until: run.lastBatch,
            &effects)
    }

    /// What became of a speculative task that was handed to matching.
    ///
    /// If it did not get there, its timeout makes a task of it that does.
    mutating func offered(
        _ dispatch: TaskDispatch, _ error: ServiceError?, _ effects: inout [Effect]
    ) {
        guard self.phase == .serving, error?.kind == .stickyWorkerUnavailable,
            let state = self.runs[dispatch.run]?.state, state.isRunning, state.hasWorkflowTask,
            state.info.workflowTask.kind == .speculative, !state.hasStartedWorkflowTask,
            state.info.workflowTask.stamp == dispatch.stamp
        else { return }
        effects.append(.offer(state.speculativeDispatch(ignoringSticky: true)))
    }
}

extension MutableState {
    /// Why no worker would deal with an update now; nil if one may.
    fileprivate var updateObstacle: ServiceError? {
        if self.isPaused {
            return ServiceError(
                .failedPrecondition, "Workflow is paused. Cannot update the workflow.")
        }
        if self.hasWorkflowTask, self.info.workflowTask.attempt >= 3 {
            return ServiceError(
                .workflowNotReady,
                "Unable to perform workflow execution update due to Workflow Task in failed state.")
        }
        if self.info.closeAttempted, self.hasStartedWorkflowTask { return .workflowClosing }
        return nil
    }

    fileprivate func speculativeDispatch(ignoringSticky: Bool) -> TaskDispatch {
        let task = self.info.workflowTask
        let isSticky = task.taskQueueKind == .sticky && !ignoringSticky
        return TaskDispatch(
            queue: TaskQueueKey(
                namespaceID: self.key.namespaceID,
                name: isSticky ? task.taskQueue : self.info.taskQueue, type: .workflow,
                isSticky: isSticky),
            run: self.key,
            namespace: NamespaceReference(
                id: self.key.namespaceID, name: self.info.namespaceName, retention: .zero),
            scheduledEventID: task.scheduledEventID, stamp: task.stamp,
            expiresAt: Timestamp(nanoseconds: task.scheduleToStartAt),
            priorityKey: self.info.priority.priorityKey)
    }
}

extension ServiceError {
    /// The workflow has tried to close, and will most likely do so with its next task.
    static let workflowClosing = ServiceError(
        .resourceExhausted(cause: .busyWorkflow, scope: .namespace),
        "workflow operation can not be applied because workflow is closing")
}
