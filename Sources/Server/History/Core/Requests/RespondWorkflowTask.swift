import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    typealias CompletedRequest =
        Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest

    mutating func respondCompleted(
        _ token: StoredTaskToken, _ request: CompletedRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(RunID(token.runID), for: call, &effects) else { return }
        let key = run.state.key
        guard run.state.holdsStartedTask(of: token) else {
            return self.refuse(call.id, .workflowTaskNotFound, seeing: key, &effects)
        }
        if run.state.isPaused, request.forceCreateNewWorkflowTask {
            let error = ServiceError(
                .failedPrecondition,
                "Workflow is paused and force create new workflow task is not allowed.")
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        if let error = Self.sequenceFlaw(of: request.commands) {
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        if self.isHeartbeatOverdue(run, request) {
            var transition = self.transition(of: run)
            transition.timeOutWorkflowTask(.startToClose)
            self.accept(transition, &effects)
            let error = ServiceError.notFound("workflow task heartbeat timeout")
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        transition.otherNamespaces = call.request.otherNamespaces
        do throws(CommandFailure) {
            try transition.complete(request, heartbeatOf: run.state.info.workflowTask)
        } catch {
            return self.fail(run, request, because: error, call, &effects)
        }
        let eager = transition.startEagerActivities(identity: request.identity)
        let answered = self.takeAnswered(of: key, with: request.queryResults)
        self.accept(transition, &effects)
        self.answer(answered, of: key, with: request.queryResults, &effects)
        let response = Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedResponse.with {
            $0.activityTasks = eager
        }
        self.reply(call.id, .workflowTaskCompleted(response), seeing: key, &effects)
    }

    /// Commands that could never be carried out in this order, whatever the run's state.
    private static func sequenceFlaw(of commands: [Command]) -> ServiceError? {
        for (index, command) in commands.enumerated() {
            if command.commandType == .unspecified || command.attributes == nil {
                return .invalidArgument(
                    "Unknown command type or missing attributes: \(command.commandType).")
            }
            if case .UNRECOGNIZED(let number) = command.commandType {
                return .invalidArgument("Unknown command type: \(number).")
            }
            if command.commandType.closesRun, index != commands.count - 1 {
                return .invalidArgument(
                    "invalid command sequence: [\(commands.map { "\($0.commandType)" }.prefix(20).joined(separator: ", "))], command \(command.commandType) must be the last command."
                )
            }
        }
        return nil
    }

    /// Whether the worker has asked for more time, again and again, for too long.
    private func isHeartbeatOverdue(_ run: CachedRun, _ request: CompletedRequest) -> Bool {
        guard request.forceCreateNewWorkflowTask, request.commands.isEmpty else { return false }
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
        let task = run.state.info.workflowTask
        if task.attempt > 1, failure.cause != .unhandledCommand, !failure.terminatesRun {
            // The task runs into its timeout, which grows: a worker that keeps failing is slowed.
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        transition.failWorkflowTask(
            failure.cause,
            failure: .with {
                $0.message = text
                $0.source = "Server"
                $0.serverFailureInfo = .with { $0.nonRetryable = true }
            }, identity: request.identity, reschedules: !failure.terminatesRun)
        if failure.terminatesRun {
            transition.terminateRun(reason: text, details: nil, identity: historyServiceIdentity)
        }
        self.accept(transition, &effects)
        self.refuse(call.id, error, seeing: key, &effects)
    }

    mutating func respondFailed(
        _ token: StoredTaskToken,
        _ request: Temporal_Api_Workflowservice_V1_RespondWorkflowTaskFailedRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(RunID(token.runID), for: call, &effects) else { return }
        let key = run.state.key
        guard run.state.holdsStartedTask(of: token) else {
            return self.refuse(call.id, .workflowTaskNotFound, seeing: key, &effects)
        }
        var transition = self.transition(of: run)
        if request.cause == .grpcMessageTooLarge {
            transition.terminateRun(
                reason: "GrpcMessageTooLarge", details: nil, identity: historyServiceIdentity)
        } else {
            transition.failWorkflowTask(
                request.cause, failure: request.hasFailure ? request.failure : nil,
                identity: request.identity)
        }
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }
}

extension Transition {
    /// A worker's answer to a workflow task: its completion, its commands, and what follows.
    mutating func complete(
        _ request: Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest,
        heartbeatOf task: StoredWorkflowTask
    ) throws(CommandFailure) {
        let completedEventID = self.completeWorkflowTask(request)
        if request.hasStickyAttributes, !request.stickyAttributes.workerTaskQueue.name.isEmpty {
            let timeout = Duration(clamping: request.stickyAttributes.scheduleToStartTimeout)
            self.state.info.stickyTaskQueue = request.stickyAttributes.workerTaskQueue.name
            self.state.info.stickyScheduleToStartNs =
                (timeout > .zero ? timeout : .seconds(10)).nanoseconds
        } else {
            self.clearSticky()
        }
        self.state.info.closeAttempted = false
        try self.apply(request.commands, completedEventID: completedEventID)
        guard self.state.isRunning else { return }
        if request.forceCreateNewWorkflowTask || !self.state.bufferedEvents.isEmpty {
            self.needsWorkflowTask = true
        }
        guard self.needsWorkflowTask else { return }
        self.scheduleWorkflowTask()
        if request.forceCreateNewWorkflowTask, request.commands.isEmpty {
            // A heartbeat: what counts is when the worker first got this task.
            self.state.info.workflowTask.originalScheduledAt = task.originalScheduledAt
        }
    }
}

extension Temporal_Api_Enums_V1_CommandType {
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
