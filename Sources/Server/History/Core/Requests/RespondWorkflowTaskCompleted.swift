import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    typealias CompletedRequest =
        Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest
    typealias CompletedResponse =
        Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedResponse

    mutating func respondCompleted(
        _ token: StoredTaskToken, _ request: CompletedRequest, _ flaw: CompletionFlaw?,
        _ call: Call, _ effects: inout [Effect]
    ) {
        guard let run = self.run(RunID(token.runID), for: call, &effects) else { return }
        let key = run.state.key
        guard run.state.isRunning, run.state.holdsStartedTask(of: token) else {
            return self.refuse(call.id, .workflowTaskNotFound, seeing: key, &effects)
        }
        if run.state.isPaused, request.forceCreateNewWorkflowTask {
            let error = ServiceError(
                .failedPrecondition,
                "Workflow is paused and force create new workflow task is not allowed.")
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        if let error = request.sequenceFlaw {
            if run.state.info.workflowTask.kind == .speculative {
                var run = run
                run.state.clearSticky()
                self.store(run)
            }
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        if self.isHeartbeatOverdue(run, request) {
            var transition = self.transition(of: run)
            transition.timeOutWorkflowTask(.startToClose)
            self.accept(transition, &effects)
            let error = ServiceError.notFound("workflow task heartbeat timeout")
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        do throws(CommandFailure) {
            if let flaw, flaw.commandIndex == nil { throw CommandFailure(flaw) }
            if run.state.mayDiscardTask(completedBy: request, self.settings) {
                try self.discardTask(of: run, request, call, &effects)
            } else {
                try self.completeTask(of: run, request, flaw, call, &effects)
            }
        } catch {
            self.fail(run, request, because: error, call, &effects)
        }
    }

    private mutating func completeTask(
        of run: CachedRun, _ request: CompletedRequest, _ flaw: CompletionFlaw?, _ call: Call,
        _ effects: inout [Effect]
    ) throws(CommandFailure) {
        let key = run.state.key
        var transition = self.transition(of: run)
        transition.flaw = flaw
        transition.otherNamespaces = call.request.otherNamespaces
        try transition.complete(request, heartbeatOf: run.state.info.workflowTask)
        let response = CompletedResponse.with {
            $0.activityTasks = transition.startEagerActivities(identity: request.identity)
        }
        let answered = self.takeAnswered(of: key, with: request.queryResults)
        self.accept(transition, &effects)
        self.answer(answered, of: key, with: request.queryResults, &effects)
        self.reply(response, to: request, of: key, call, &effects)
    }

    /// Completes a speculative task whose worker has refused all that it brought: nothing is
    /// written, the worker forgets the task as well.
    private mutating func discardTask(
        of run: CachedRun, _ request: CompletedRequest, _ call: Call, _ effects: inout [Effect]
    ) throws(CommandFailure) {
        let key = run.state.key
        var rejecting = self.transition(of: run)
        rejecting.inbox = request.messages
        try rejecting.applyRemainingMessages()
        rejecting.rejectUnprocessedUpdates()
        var run = run
        run.updates = rejecting.updates
        run.state.info.clearWorkflowTask()
        run.state.setSticky(request)
        run.state.info.closeAttempted = false
        self.store(run)
        self.setTimer(key, to: run.state.nextDeadline)
        let answered = self.takeAnswered(of: key, with: request.queryResults)
        self.answer(answered, of: key, with: request.queryResults, &effects)
        self.serveUpdateWaiters(of: key, rejecting.updateEnds, &effects)
        if run.updates.hasUnsent, !request.returnNewWorkflowTask {
            var transition = self.transition(of: run)
            transition.needsWorkflowTask = true
            self.accept(transition, &effects)
        }
        let response = CompletedResponse.with {
            $0.resetHistoryEventID = run.state.info.lastCompletedTaskStartedEventID
        }
        self.reply(response, to: request, of: key, call, &effects)
        self.unblockQueries(of: key, &effects)
    }

    /// Answers the worker, with the run's next workflow task if there is one and it wants it.
    private mutating func reply(
        _ response: CompletedResponse, to request: CompletedRequest, of key: WorkflowKey,
        _ call: Call, _ effects: inout [Effect]
    ) {
        guard request.returnNewWorkflowTask, var run = self.runs[key], run.state.isRunning,
            !run.state.isPaused
        else { return self.reply(call.id, .workflowTaskCompleted(response), seeing: key, &effects) }
        if !run.state.hasWorkflowTask, run.updates.hasUnsent {
            run.state.scheduleSpeculativeTask(at: self.now)
            run.state.startSpeculativeTask(
                run.state.workflowTaskBeginning(
                    requestID: inlineTaskRequestID, worker: request.worker, at: self.now,
                    run.updates, self.settings))
        }
        guard run.state.hasStartedWorkflowTask,
            run.state.info.workflowTask.requestID == inlineTaskRequestID
        else { return self.reply(call.id, .workflowTaskCompleted(response), seeing: key, &effects) }
        // A heartbeat brings only what came since; the worker still has the rest.
        run.boardTask(isOnlyUnsent: request.forceCreateNewWorkflowTask)
        self.store(run)
        self.setTimer(key, to: run.state.nextDeadline)
        var response = response
        response.workflowTask = run.startedTask
        self.reply(
            call.id, .workflowTaskCompleted(response),
            fetch: run.state.taskHistory(
                from: run.state.info.lastCompletedTaskStartedEventID + 1,
                pageMax: self.settings.historyPageSizeMax), &effects)
    }

    /// Whether the worker has asked for more time, again and again, for too long.
    private func isHeartbeatOverdue(_ run: CachedRun, _ request: CompletedRequest) -> Bool {
        guard request.isHeartbeat else { return false }
        let since = Timestamp(nanoseconds: run.state.info.workflowTask.originalScheduledAt)
        return since + self.settings.workflowTaskHeartbeatTimeout < self.now
    }

    /// The commands cannot be carried out: the workflow task has failed, nothing of them happened.
    private mutating func fail(
        _ run: CachedRun, _ request: CompletedRequest, because failure: CommandFailure,
        _ call: Call, _ effects: inout [Effect]
    ) {
        let key = run.state.key
        let text =
            failure.message.isEmpty ? failure.causeName : "\(failure.causeName): \(failure.message)"
        let error = ServiceError.invalidArgument(text)
        self.abortSentUpdates(of: key, &effects)
        guard let run = self.runs[key] else { return }
        let task = run.state.info.workflowTask
        if task.attempt > 1, failure.cause != .unhandledCommand {
            // The task runs into its timeout, which grows: a worker that keeps failing is slowed.
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        transition.failWorkflowTask(
            failure.cause,
            failure: .with {
                $0.message = text
                $0.serverFailureInfo = .init()
            }, identity: request.identity, binaryChecksum: request.binaryChecksum,
            reschedules: !failure.terminatesRun)
        if failure.terminatesRun {
            transition.terminateRun(reason: text, details: nil, identity: historyServiceIdentity)
        }
        self.accept(transition, &effects)
        self.refuse(call.id, error, seeing: key, &effects)
    }
}

/// Stands for the poll of a workflow task that is returned with the answer to the one before it.
let inlineTaskRequestID = "request-from-RespondWorkflowTaskCompleted"

extension Transition {
    /// A worker's answer to a workflow task: its completion, its commands, and what follows.
    mutating func complete(
        _ request: Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest,
        heartbeatOf task: StoredWorkflowTask
    ) throws(CommandFailure) {
        let completedEventID = self.completeWorkflowTask(request)
        self.state.setSticky(request)
        self.state.info.closeAttempted = false
        self.inbox = request.messages
        try self.apply(request.commands, completedEventID: completedEventID)
        guard self.state.isRunning else { return }
        if !request.forceCreateNewWorkflowTask { self.rejectUnprocessedUpdates() }
        if request.forceCreateNewWorkflowTask || !self.state.bufferedEvents.isEmpty {
            self.needsWorkflowTask = true
        }
        // Updates alone need no task that leaves a trace, if their worker takes it with the answer.
        if self.updates.hasUnsent, !request.returnNewWorkflowTask { self.needsWorkflowTask = true }
        guard self.needsWorkflowTask else { return }
        self.scheduleWorkflowTask(isForMatching: !request.returnNewWorkflowTask)
        if request.isHeartbeat {
            // What counts is when the worker first got this task.
            self.state.info.workflowTask.originalScheduledAt = task.originalScheduledAt
        }
        if request.returnNewWorkflowTask, self.state.hasWorkflowTask {
            self.startWorkflowTask(
                requestID: inlineTaskRequestID, by: request.worker, isStickyPoll: true)
        }
    }
}

extension MutableState {
    /// The queue of the worker that has the run in its cache, if it says that it does.
    fileprivate mutating func setSticky(
        _ request: Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest
    ) {
        guard request.hasStickyAttributes, !request.stickyAttributes.workerTaskQueue.name.isEmpty
        else { return self.clearSticky() }
        let timeout = Duration(clamping: request.stickyAttributes.scheduleToStartTimeout)
        self.info.stickyTaskQueue = request.stickyAttributes.workerTaskQueue.name
        self.info.stickyScheduleToStartNs =
            (timeout > .zero ? timeout : .seconds(10)).nanoseconds
    }

    /// Whether the started task may vanish without a trace, because its worker did nothing but
    /// refuse updates.
    ///
    /// The worker is given the events since its last task again with the next one, which old SDKs
    /// do not understand, and which should not be too many.
    fileprivate func mayDiscardTask(
        completedBy request: Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest,
        _ settings: Settings
    ) -> Bool {
        guard self.info.workflowTask.kind == .speculative, request.commands.isEmpty,
            !request.forceCreateNewWorkflowTask, request.messages.allSatisfy(\.isRejection),
            !self.updates.values.contains(where: { $0.state == .admitted })
        else { return false }
        let eventsMax =
            request.capabilities.discardSpeculativeWorkflowTaskWithEvents
            ? settings.discardedTaskEventsMax : 0
        // After its started event, the last task left its completed event.
        return self.info.nextEventID <= self.info.lastCompletedTaskStartedEventID + 2 + eventsMax
    }
}

extension Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest {
    /// Whether the worker does nothing but ask for more time.
    fileprivate var isHeartbeat: Bool {
        self.forceCreateNewWorkflowTask && self.commands.isEmpty && self.messages.isEmpty
    }

    /// What could never be carried out, whatever the run's state: a command that is none, or one
    /// that follows the run's end.
    fileprivate var sequenceFlaw: ServiceError? {
        for (index, command) in self.commands.enumerated() {
            if command.commandType == .unspecified {
                return .invalidArgument("Unknown command type: Unspecified")
            }
            if case .UNRECOGNIZED(let number) = command.commandType {
                return .invalidArgument("Unknown command type: \(number)")
            }
            if command.commandType.closesRun, index != self.commands.count - 1 {
                return .invalidArgument(
                    "invalid command sequence: [\(self.commands.prefix(20).map(\.commandType.name).joined(separator: ", "))], command \(command.commandType.name) must be the last command."
                )
            }
        }
        guard self.messages.allSatisfy(\.hasBody) else {
            return .invalidArgument("nil message body")
        }
        return nil
    }
}

extension Temporal_Api_Enums_V1_CommandType {
    /// As Temporal names it in messages, `StartTimer`.
    fileprivate var name: String {
        let name = "\(self)"
        return name.prefix(1).uppercased() + name.dropFirst()
    }

    fileprivate var closesRun: Bool {
        switch self {
        case .completeWorkflowExecution, .failWorkflowExecution, .cancelWorkflowExecution,
            .continueAsNewWorkflowExecution:
            true
        default:
            false
        }
    }
}
