import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

extension ScriptedWorker {
    func complete(
        _ task: PollActivityTaskQueueResponse, _ script: ActivityScript, byID: Bool
    ) async {
        guard !byID else { return await self.completeByID(task, script) }
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

    private func completeByID(
        _ task: PollActivityTaskQueueResponse, _ script: ActivityScript
    ) async {
        let answer = await self.caller.call(
            "RespondActivityTaskCompletedById",
            RespondActivityTaskCompletedByIdRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = task.workflowExecution.workflowID
                $0.runID = task.executionRunID
                $0.activityID = task.activityID
                $0.identity = self.identity
                $0.result = Payloads(text: script.outcome)
            }, returning: RespondActivityTaskCompletedByIdResponse.self)
        _ = self.check(answer, of: "RespondActivityTaskCompletedById")
    }

    func fail(
        _ task: PollActivityTaskQueueResponse, nonRetryable: Bool, byID: Bool
    ) async {
        let failure = Failure.with {
            $0.message = "the script says so"
            $0.applicationFailureInfo.type = "Scripted"
            $0.applicationFailureInfo.nonRetryable = nonRetryable
        }
        guard !byID else { return await self.failByID(task, failure) }
        let answer = await self.caller.call(
            "RespondActivityTaskFailed",
            RespondActivityTaskFailedRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.taskToken = task.taskToken
                $0.identity = self.identity
                $0.failure = failure
            }, returning: RespondActivityTaskFailedResponse.self)
        _ = self.check(answer, of: "RespondActivityTaskFailed")
    }

    private func failByID(_ task: PollActivityTaskQueueResponse, _ failure: Failure) async {
        let answer = await self.caller.call(
            "RespondActivityTaskFailedById",
            RespondActivityTaskFailedByIdRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = task.workflowExecution.workflowID
                $0.runID = task.executionRunID
                $0.activityID = task.activityID
                $0.identity = self.identity
                $0.failure = failure
            }, returning: RespondActivityTaskFailedByIdResponse.self)
        _ = self.check(answer, of: "RespondActivityTaskFailedById")
    }

    func cancel(_ task: PollActivityTaskQueueResponse, byID: Bool) async {
        guard !byID else { return await self.cancelByID(task) }
        let answer = await self.caller.call(
            "RespondActivityTaskCanceled",
            RespondActivityTaskCanceledRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.taskToken = task.taskToken
                $0.identity = self.identity
                $0.details = Payloads(text: "heeded")
            }, returning: RespondActivityTaskCanceledResponse.self)
        _ = self.check(answer, of: "RespondActivityTaskCanceled")
    }

    private func cancelByID(_ task: PollActivityTaskQueueResponse) async {
        let answer = await self.caller.call(
            "RespondActivityTaskCanceledById",
            RespondActivityTaskCanceledByIdRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = task.workflowExecution.workflowID
                $0.runID = task.executionRunID
                $0.activityID = task.activityID
                $0.identity = self.identity
                $0.details = Payloads(text: "heeded")
            }, returning: RespondActivityTaskCanceledByIdResponse.self)
        _ = self.check(answer, of: "RespondActivityTaskCanceledById")
    }
}
