import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// What workers do with the tasks they are given.
extension RandomShardUse {
    mutating func takeTask() {
        guard !self.shard.handedOver.isEmpty else { return }
        let index = self.pick(self.shard.handedOver.count)
        // Matching may hand a task out twice.
        let task =
            self.chance(6) ? self.shard.handedOver[index] : self.shard.handedOver.remove(at: index)
        let operation: HistoryOperation =
            task.queue.type == .workflow
            ? .recordWorkflowTaskStarted(self.shard.workflowStart(of: task))
            : .recordActivityTaskStarted(self.shard.activityStart(of: task))
        switch self.send(operation, to: task.run.workflowID) {
        case .workflowTaskStarted(let response): self.tasks.append(response)
        case .activityTaskStarted(let response): self.activities.append(response)
        default:
            // Matching keeps a task until history has said what becomes of it.
            if self.isUndecided { self.shard.handedOver.append(task) }
        }
    }

    /// Whether the request that was sent last has no answer, or none that lasts.
    var isUndecided: Bool {
        guard let request = self.requests.last else { return false }
        switch self.shard.replies[request] {
        case .success: return false
        case .failure(let error): return error.isRetryable
        case nil: return true
        }
    }

    mutating func commands() -> [Command] {
        var commands: [Command] = []
        for _ in 0..<self.pick(4) {
            switch self.pick(11) {
            case 10:
                commands.append(.upsertSearchAttributes(["K": self.chance(3) ? "[]" : "\"v\""]))
            case 6, 7: commands.append(self.childCommand())
            case 8:
                commands.append(
                    .signalExternal(self.workflow().rawValue) {
                        $0.childWorkflowOnly = self.chance(3)
                    })
            case 9:
                if self.chance(3) { commands.append(.cancelExternal(self.workflow().rawValue)) }
            case 0:
                commands.append(
                    .activity("a\(self.pick(4))") {
                        $0.startToCloseTimeout = Duration.seconds(self.pick(20) + 1).proto
                        if self.chance(2) { $0.heartbeatTimeout = Duration.seconds(3).proto }
                        if self.chance(2) { $0.retryPolicy = .attempts(2) }
                        $0.requestEagerExecution = self.chance(4)
                    })
            case 1: commands.append(.timer("t\(self.pick(4))", after: .seconds(self.pick(20))))
            case 2: commands.append(.cancelTimer("t\(self.pick(4))"))
            case 3: commands.append(.cancelActivity(Int64(self.pick(12) + 4)))
            case 4: commands.append(.upsertMemo(["m": "\(self.pick(9))"]))
            default: commands.append(.marker("m"))
            }
        }
        switch self.pick(14) {
        case 0: commands.append(.complete())
        case 1: commands.append(.fail())
        case 2: commands.append(.continueAsNew())
        case 3: commands.append(.cancelRun)
        default: break
        }
        return commands
    }

    /// A child under one of the ids that others use, too.
    mutating func childCommand() -> Command {
        let policies: [ClosePolicy] = [.terminate, .requestCancel, .abandon]
        let policy = policies[self.pick(3)]
        let reuse: [Temporal_Api_Enums_V1_WorkflowIdReusePolicy] = [
            .allowDuplicate, .rejectDuplicate, .terminateIfRunning,
        ]
        let id = self.workflow().rawValue
        return .child(id) {
            $0.parentClosePolicy = policy
            $0.workflowIDReusePolicy = reuse[self.pick(3)]
            if self.chance(4) { $0.retryPolicy = .attempts(2) }
            if self.chance(4) { $0.workflowRunTimeout = Duration.seconds(self.pick(60) + 1).proto }
        }
    }

    mutating func completeTask() {
        guard !self.tasks.isEmpty else { return }
        let task = self.tasks.remove(at: self.pick(self.tasks.count))
        let messages = self.messages(for: task)
        let commands = task.messages.isEmpty || self.chance(2) ? self.commands() : []
        let isSticky = self.chance(2)
        let wantsNext = self.chance(2)
        let operation = try? self.shard.completion(
            of: task, messages.filter { _ in self.chance(2) }.map(Command.message) + commands
        ) {
            $0.messages = messages
            $0.returnNewWorkflowTask = wantsNext
            $0.forceCreateNewWorkflowTask =
                commands.isEmpty && (task.messages.isEmpty || self.chance(3))
            $0.capabilities.discardSpeculativeWorkflowTaskWithEvents = self.chance(2)
            if isSticky { $0.stickyAttributes.workerTaskQueue.name = "sticky" }
            for key in task.queries.keys {
                $0.queryResults[key] = .with { $0.resultType = .answered }
            }
        }
        guard let operation else { return }
        if case .workflowTaskCompleted(let response) = self.send(
            operation, to: WorkflowID(task.workflowExecution.workflowID))
        {
            self.activities += response.activityTasks
            if response.hasWorkflowTask { self.tasks.append(response.workflowTask) }
        }
    }

    mutating func failTask() {
        guard !self.tasks.isEmpty else { return }
        let task = self.tasks.remove(at: self.pick(self.tasks.count))
        guard let token = try? task.token else { return }
        _ = self.send(
            .respondWorkflowTaskFailed(token, .with { $0.cause = .workflowWorkerUnhandledFailure }),
            to: WorkflowID(task.workflowExecution.workflowID))
    }

    mutating func useActivity() {
        guard !self.activities.isEmpty else { return }
        let index = self.pick(self.activities.count)
        let task = self.activities[index]
        guard let token = try? task.token else { return }
        // Who answers from elsewhere knows the activity by its id, and perhaps its run.
        let reference: ActivityReference =
            self.chance(3)
            ? .id(
                runID: RunID(self.chance(2) ? task.workflowExecution.runID : ""),
                activityID: task.activityID)
            : .token(token)
        let operation: HistoryOperation
        switch self.pick(4) {
        case 0: operation = .recordActivityHeartbeat(reference, details: .text("x"))
        case 1:
            operation = .respondActivityFailed(
                reference, failure: .application("x"), lastHeartbeatDetails: nil,
                worker: TaskWorker(identity: "w"))
        case 2:
            operation = .respondActivityCanceled(
                reference, details: nil, worker: TaskWorker(identity: "w"))
        default:
            operation = .respondActivityCompleted(
                reference, result: nil, worker: TaskWorker(identity: "w"))
        }
        if !self.chance(4) { self.activities.remove(at: index) }
        _ = self.send(operation, to: WorkflowID(task.workflowExecution.workflowID))
    }
}
