import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

// What clients and workers do.
extension ShardHarness {
    // MARK: Clients

    func startBody(configure: (inout StartBody) -> Void = { _ in }) -> StartBody {
        .with {
            $0.namespace = testNamespace.name
            $0.workflowID = "w"
            $0.workflowType.name = "Flow"
            $0.taskQueue.name = "queue"
            $0.input = .text("input")
            $0.workflowTaskTimeout = Duration.seconds(10).proto
            $0.requestID = self.name("start")
            $0.identity = "client"
            configure(&$0)
        }
    }

    @discardableResult
    func start(
        _ workflowID: WorkflowID = "w", configure: (inout StartBody) -> Void = { _ in }
    ) throws -> RunID {
        let body = self.startBody {
            $0.workflowID = workflowID.rawValue
            configure(&$0)
        }
        guard
            case .started(let response) = try self.call(
                .startWorkflowExecution(body), to: workflowID)
        else { throw UnexpectedReply() }
        return RunID(response.runID)
    }

    func signalOperation(
        _ name: String, requestID: String? = nil, runID: RunID = ""
    ) -> HistoryOperation {
        .signal(
            .with {
                $0.workflowExecution.runID = runID.rawValue
                $0.signalName = name
                $0.requestID = requestID ?? self.name("signal")
                $0.identity = "client"
            })
    }

    func signal(_ name: String, requestID: String? = nil) throws {
        try self.call(self.signalOperation(name, requestID: requestID))
    }

    func requestCancel() throws {
        try self.call(.requestCancel(.with { $0.requestID = self.name("cancel") }))
    }

    func terminate(reason: String = "enough") throws {
        try self.call(.terminate(.with { $0.reason = reason }))
    }

    func describe(
        _ runID: RunID = "", of workflowID: WorkflowID = "w"
    ) throws -> Temporal_Api_Workflowservice_V1_DescribeWorkflowExecutionResponse {
        guard case .described(let response) = try self.call(.describe(runID: runID), to: workflowID)
        else { throw UnexpectedReply() }
        return response
    }

    // MARK: Workers

    /// A worker takes the workflow task that was handed to matching first.
    func takeWorkflowTask(requestID: String? = nil) throws -> PollTask {
        let index = try #require(self.handedOver.firstIndex { $0.queue.type == .workflow })
        return try self.take(self.handedOver.remove(at: index), requestID: requestID)
    }

    func take(_ task: TaskDispatch, requestID: String? = nil) throws -> PollTask {
        let start = self.workflowStart(of: task, requestID: requestID)
        guard
            case .workflowTaskStarted(let response) = try self.call(
                .recordWorkflowTaskStarted(start), to: task.run.workflowID)
        else { throw UnexpectedReply() }
        return response
    }

    func workflowStart(of task: TaskDispatch, requestID: String? = nil) -> WorkflowTaskStart {
        WorkflowTaskStart(
            runID: task.run.runID, scheduledEventID: task.scheduledEventID, stamp: task.stamp,
            requestID: requestID ?? self.name("poll"), worker: TaskWorker(identity: "worker"),
            taskQueue: task.queue)
    }

    func takeActivity() throws -> ActivityTask {
        let index = try #require(self.handedOver.firstIndex { $0.queue.type == .activity })
        return try self.takeActivity(self.handedOver.remove(at: index))
    }

    func takeActivity(_ task: TaskDispatch, requestID: String? = nil) throws -> ActivityTask {
        let start = self.activityStart(of: task, requestID: requestID)
        guard
            case .activityTaskStarted(let response) = try self.call(
                .recordActivityTaskStarted(start), to: task.run.workflowID)
        else { throw UnexpectedReply() }
        return response
    }

    func activityStart(of task: TaskDispatch, requestID: String? = nil) -> ActivityTaskStart {
        ActivityTaskStart(
            runID: task.run.runID, scheduledEventID: task.scheduledEventID, stamp: task.stamp,
            requestID: requestID ?? self.name("poll"), worker: TaskWorker(identity: "worker"))
    }

    func completion(
        of task: PollTask, _ commands: [Command], flaw: CompletionFlaw? = nil,
        configure: (inout CompletionBody) -> Void = { _ in }
    ) throws -> HistoryOperation {
        .respondWorkflowTaskCompleted(
            try task.token,
            .with {
                $0.commands = commands
                $0.identity = "worker"
                configure(&$0)
            }, flaw: flaw)
    }

    func complete(
        _ task: PollTask, _ commands: Command...,
        configure: (inout CompletionBody) -> Void = { _ in }
    ) throws {
        try self.call(
            self.completion(of: task, commands, configure: configure),
            to: WorkflowID(task.workflowExecution.workflowID))
    }

    /// Completes a workflow task and keeps the run in the worker's cache.
    func completeSticky(_ task: PollTask, _ commands: Command..., timeout: Duration = .seconds(5))
        throws
    {
        try self.call(
            self.completion(of: task, commands) {
                $0.stickyAttributes.workerTaskQueue.name = "sticky"
                $0.stickyAttributes.scheduleToStartTimeout = timeout.proto
            }, to: WorkflowID(task.workflowExecution.workflowID))
    }

    /// Takes the next workflow task and completes it.
    func work(_ commands: Command...) throws {
        let task = try self.takeWorkflowTask()
        try self.call(
            self.completion(of: task, commands),
            to: WorkflowID(task.workflowExecution.workflowID))
    }

    /// Takes the next workflow task of a workflow and completes it.
    func work(on workflowID: WorkflowID, _ commands: Command...) throws {
        let task = try self.takeWorkflowTask(of: workflowID)
        try self.call(self.completion(of: task, commands), to: workflowID)
    }

    func takeWorkflowTask(of workflowID: WorkflowID) throws -> PollTask {
        let index = try #require(
            self.handedOver.firstIndex {
                $0.queue.type == .workflow && $0.run.workflowID == workflowID
            }, "\(workflowID) has no workflow task")
        return try self.take(self.handedOver.remove(at: index))
    }

    func hasWorkflowTask(of workflowID: WorkflowID) -> Bool {
        self.handedOver.contains { $0.queue.type == .workflow && $0.run.workflowID == workflowID }
    }

    func failTask(
        _ task: PollTask, cause: WorkflowTaskFailedCause = .workflowWorkerUnhandledFailure
    ) throws {
        try self.call(
            .respondWorkflowTaskFailed(
                try task.token,
                .with {
                    $0.cause = cause
                    $0.failure = .application("bug")
                    $0.identity = "worker"
                }))
    }

    func completeActivity(_ task: ActivityTask, _ result: String = "result") throws {
        try self.call(
            .respondActivityCompleted(
                .token(try task.token), result: .text(result),
                worker: TaskWorker(identity: "worker")),
            to: WorkflowID(task.workflowExecution.workflowID))
    }

    func failActivity(
        _ task: ActivityTask, _ failure: Temporal_Api_Failure_V1_Failure = .application("bad")
    ) throws {
        try self.call(
            .respondActivityFailed(
                .token(try task.token), failure: failure, lastHeartbeatDetails: nil,
                worker: TaskWorker(identity: "worker")),
            to: WorkflowID(task.workflowExecution.workflowID))
    }

    /// - Returns: whether the worker is asked to cancel.
    @discardableResult
    func heartbeat(_ task: ActivityTask, _ details: String) throws -> Bool {
        guard
            case .activityHeartbeat(let response) = try self.call(
                .recordActivityHeartbeat(.token(try task.token), details: .text(details)))
        else { throw UnexpectedReply() }
        return response.cancelRequested
    }

    // MARK: Histories

    func key(_ runID: RunID, _ workflowID: WorkflowID = "w") -> WorkflowKey {
        WorkflowKey(namespaceID: testNamespace.id, workflowID: workflowID, runID: runID)
    }

    /// The current run of a workflow id, as stored.
    func currentRun(_ workflowID: WorkflowID = "w") -> RunID {
        self.store.currentRuns[
            WorkflowAddress(namespaceID: testNamespace.id, workflowID: workflowID)] ?? ""
    }

    /// The stored events of a run; of the current one if none is named.
    func events(_ runID: RunID? = nil, _ workflowID: WorkflowID = "w") throws -> [HistoryEvent] {
        let key = self.key(runID ?? self.currentRun(workflowID), workflowID)
        return try (self.store.history[key] ?? []).flatMap {
            try Temporal_Api_History_V1_History(serializedBytes: $0.events).events
        }
    }

    func history(_ runID: RunID? = nil, _ workflowID: WorkflowID = "w") throws -> String {
        try self.events(runID, workflowID).text
    }

    /// The stored events of the current run behind `eventID`, one per line.
    func history(after eventID: Int64) throws -> String {
        try self.events().filter { $0.eventID > eventID }.text
    }

    func lastEvent(_ type: EventType, in runID: RunID? = nil) throws -> HistoryEvent {
        try #require(try self.events(runID).last { $0.eventType == type })
    }
}

struct UnexpectedReply: Error {}

extension PollTask {
    var token: StoredTaskToken {
        get throws { try StoredTaskToken(serializedBytes: self.taskToken) }
    }
}

extension ActivityTask {
    var token: StoredTaskToken {
        get throws { try StoredTaskToken(serializedBytes: self.taskToken) }
    }
}
