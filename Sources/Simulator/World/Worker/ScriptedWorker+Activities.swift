import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

extension ScriptedWorker {
    private enum ActivityEnd {
        case completes
        case fails(nonRetryable: Bool)
        case saysNothing
    }

    /// Does one attempt of an activity.
    func work(on task: PollActivityTaskQueueResponse) async {
        let progress = Int(task.heartbeatDetails.text) ?? 0
        if let error = self.world.tasks.activityTaskArrived(
            runID: task.workflowExecution.runID, activityID: task.activityID,
            attempt: task.attempt, progress: progress)
        {
            self.world.fail(error)
        }
        guard let script = ActivityScript(text: task.input.text) else {
            return self.world.fail("\(task.activityID) has an input nobody wrote")
        }
        self.world.loop.record(
            "\(self.identity) took \(task.activityID) of "
                + "\(task.workflowExecution.workflowID), attempt \(task.attempt)")
        if self.world.plan.strikes(.activityTaskForgotten) { return }
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(2)))
        switch await self.attempt(script, task, progress) {
        case .completes: await self.complete(task, script)
        case .fails(let nonRetryable): await self.fail(task, nonRetryable: nonRetryable)
        case .saysNothing: self.world.marks.reached("worker.activityStalled")
        }
    }

    private func attempt(
        _ script: ActivityScript, _ task: PollActivityTaskQueueResponse, _ progress: Int
    ) async -> ActivityEnd {
        switch script {
        case .succeeds(let failures):
            return Int(task.attempt) > failures ? .completes : .fails(nonRetryable: false)
        case .exhausts:
            return .fails(nonRetryable: false)
        case .refuses:
            return .fails(nonRetryable: true)
        case .stalls(let attempts):
            return Int(task.attempt) > attempts ? .completes : .saysNothing
        case .progresses(let steps):
            guard progress < steps else { return .completes }
            guard await self.heartbeat(task, progress + 1) else { return .saysNothing }
            return progress + 1 < steps ? .fails(nonRetryable: false) : .completes
        }
    }

    /// - Returns: whether the server took it.
    private func heartbeat(_ task: PollActivityTaskQueueResponse, _ progress: Int) async -> Bool {
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
            runID: task.workflowExecution.runID, activityID: task.activityID, progress: progress)
        return true
    }

    private func complete(
        _ task: PollActivityTaskQueueResponse, _ script: ActivityScript
    ) async {
        let answer = await self.caller.call(
            "RespondActivityTaskCompleted",
            RespondActivityTaskCompletedRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.taskToken = task.taskToken
                $0.identity = self.identity
                $0.result = Payloads(text: script.outcome)
            }, returning: RespondActivityTaskCompletedResponse.self)
        _ = self.check(answer, of: "RespondActivityTaskCompleted")
    }

    private func fail(_ task: PollActivityTaskQueueResponse, nonRetryable: Bool) async {
        let answer = await self.caller.call(
            "RespondActivityTaskFailed",
            RespondActivityTaskFailedRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.taskToken = task.taskToken
                $0.identity = self.identity
                $0.failure.message = "the script says so"
                $0.failure.applicationFailureInfo.type = "Scripted"
                $0.failure.applicationFailureInfo.nonRetryable = nonRetryable
            }, returning: RespondActivityTaskFailedResponse.self)
        _ = self.check(answer, of: "RespondActivityTaskFailed")
    }
}
