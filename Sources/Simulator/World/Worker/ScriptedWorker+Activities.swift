import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

extension ScriptedWorker {
    private enum ActivityEnd {
        case completes
        case fails(nonRetryable: Bool)
        case isCanceled
        case saysNothing
    }

    private typealias ActivityTask = PollActivityTaskQueueResponse

    /// Does one attempt of an activity.
    func work(on task: PollActivityTaskQueueResponse) async {
        let progress = Int(task.heartbeatDetails.text) ?? 0
        if let error = self.world.tasks.activityTaskArrived(
            runID: task.executionRunID, activityID: task.activityID,
            attempt: task.attempt, attemptsMax: task.retryPolicy.maximumAttempts,
            scheduledAt: Timestamp(task.currentAttemptScheduledTime),
            startedAt: Timestamp(task.startedTime), progress: progress)
        {
            self.world.fail(error)
        }
        guard let script = ActivityScript(text: task.input.text) else {
            return self.world.fail("\(task.activityID) has an input nobody wrote")
        }
        self.world.loop.record(
            "\(self.identity) took \(task.activityID) of "
                + "\(task.executionName), attempt \(task.attempt)")
        if self.world.plan.strikes(.activityTaskForgotten) { return }
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(2)))
        let end = await self.attempt(script, task, progress)
        // A worker may name the task by its token, or anybody the activity by its id.
        let byID = self.caller.draw(0...5) == 0
        switch end {
        case .completes: await self.complete(task, script, byID: byID)
        case .fails(let nonRetryable):
            await self.fail(task, nonRetryable: nonRetryable, byID: byID)
        case .isCanceled: await self.cancel(task, byID: byID)
        case .saysNothing: self.world.marks.reached("worker.activityStalled")
        }
    }

    private func attempt(
        _ script: ActivityScript, _ task: ActivityTask, _ progress: Int
    ) async -> ActivityEnd {
        switch script {
        case .succeeds(let failures):
            return Int(task.attempt) > failures ? .completes : .fails(nonRetryable: false)
        case .exhausts, .overruns, .backsOff, .isUnclaimed:
            return .fails(nonRetryable: false)
        case .refuses:
            return .fails(nonRetryable: true)
        case .stalls(let attempts):
            return Int(task.attempt) > attempts ? .completes : .saysNothing
        case .progresses(let steps):
            guard progress < steps else { return .completes }
            guard await self.heartbeat(task, progress + 1) else { return .saysNothing }
            return progress + 1 < steps ? .fails(nonRetryable: false) : .completes
        case .ignoresCancel(let seconds):
            await self.world.clock.pass(.seconds(seconds))
            return .completes
        case .isMoved:
            return .completes
        case .heedsCancel:
            return await self.heedCancel(task)
        }
    }

    // Heartbeats.

    /// - Returns: whether the server took it.
    private func heartbeat(_ task: ActivityTask, _ progress: Int) async -> Bool {
        let answer = await self.caller.call(
            "RecordActivityTaskHeartbeat",
            RecordActivityTaskHeartbeatRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.taskToken = task.taskToken
                $0.details = Payloads(text: "\(progress)")
                $0.identity = self.identity
            }, returning: RecordActivityTaskHeartbeatResponse.self)
        guard self.check(answer, of: "RecordActivityTaskHeartbeat") != nil else { return false }
        self.world.tasks.heartbeatAcknowledged(
            runID: task.executionRunID, activityID: task.activityID, progress: progress)
        return true
    }

    /// Heartbeats until the server says that the activity is to be cancelled, or is no more.
    private func heedCancel(_ task: ActivityTask) async -> ActivityEnd {
        let byID = self.caller.draw(0...2) == 0
        while true {
            let isRequested = byID ? await self.heartbeatByID(task) : await self.heartbeat(task)
            guard let isRequested else { return .saysNothing }
            if isRequested { return .isCanceled }
            await self.world.clock.pass(.seconds(1))
        }
    }

    /// - Returns: whether a cancel is requested; nil if the server knows no such activity.
    private func heartbeat(_ task: ActivityTask) async -> Bool? {
        let answer = await self.caller.call(
            "RecordActivityTaskHeartbeat",
            RecordActivityTaskHeartbeatRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.taskToken = task.taskToken
                $0.identity = self.identity
            }, returning: RecordActivityTaskHeartbeatResponse.self)
        return self.check(answer, of: "RecordActivityTaskHeartbeat")?.cancelRequested
    }

    private func heartbeatByID(_ task: ActivityTask) async -> Bool? {
        let answer = await self.caller.call(
            "RecordActivityTaskHeartbeatById",
            RecordActivityTaskHeartbeatByIdRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = task.workflowExecution.workflowID
                $0.runID = task.executionRunID
                $0.activityID = task.activityID
                $0.identity = self.identity
            }, returning: RecordActivityTaskHeartbeatByIdResponse.self)
        return self.check(answer, of: "RecordActivityTaskHeartbeatById")?.cancelRequested
    }
}

extension PollActivityTaskQueueResponse {
    /// The run of its workflow, or its own if it has none.
    var executionRunID: String {
        self.workflowExecution.workflowID.isEmpty
            ? self.activityRunID : self.workflowExecution.runID
    }

    fileprivate var executionName: String {
        self.workflowExecution.workflowID.isEmpty ? "nobody" : self.workflowExecution.workflowID
    }
}
