import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

extension ScriptedClient {
    /// Looks at the running workflow, or not, in one way or another.
    func look() async {
        switch self.caller.draw(0...11) {
        case 0..<3: await self.query()
        case 3: await self.describe()
        case 4: await self.resetSticky()
        case 5: await self.describeTaskQueue()
        default: break
        }
    }

    /// Asks how many signals the workflow has seen: those acknowledged before must be among them.
    private func query() async {
        let atLeast = self.acknowledged.count
        switch await self.ask(QueryWorkflowRequest()) {
        case .success(let response)
        where self.mayBePaused && response.queryRejected.status == .paused:
            self.world.marks.reached("client.queryRejectedByPause")
        case .success(let response):
            let count = Int(response.queryResult.text) ?? -1
            self.world.loop.record("\(self.workflowID) answered a query: \(count)")
            self.world.marks.reached("client.queryAnswered")
            guard (atLeast...self.program.signalCount).contains(count) else {
                return self.world.fail(
                    "\(self.workflowID) saw \(count) signals, \(atLeast) were acknowledged")
            }
        case .failure(let error):
            // Queries are answered by workers, who may be away or not have begun.
            let expected: [ServiceError.Kind] = [.workflowNotReady, .failedPrecondition]
            guard error.isWorthAnotherTry || expected.contains(error.kind) else {
                return self.world.fail(
                    "a query of \(self.workflowID) was answered \(error)")
            }
            self.world.marks.reached("client.queryUnanswered")
        }
    }

    private func ask(
        _ request: QueryWorkflowRequest
    ) async -> Result<QueryWorkflowResponse, ServiceError> {
        var request = request
        request.namespace = SimulatedWorld.namespace
        request.execution.workflowID = self.workflowID
        request.query.queryType = "signals"
        do throws(ServiceError) {
            return .success(
                try await self.caller.connection.call(
                    "QueryWorkflow", request, timeout: .seconds(30)))
        } catch {
            return .failure(error)
        }
    }

    /// What is pending belongs to the program.
    private func describe() async {
        let answer = await self.caller.call(
            "DescribeWorkflowExecution",
            DescribeWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.execution.workflowID = self.workflowID
            }, returning: DescribeWorkflowExecutionResponse.self)
        guard case .success(let response) = answer.result else {
            return self.world.fail("describing \(self.workflowID) was answered \(answer.result)")
        }
        let info = response.workflowExecutionInfo
        let isOpen = info.status == .running || (self.mayBePaused && info.status == .paused)
        let isPending = !response.pendingActivities.isEmpty || response.hasPendingWorkflowTask
        if info.hasCloseTime == isOpen || (isPending && !isOpen) {
            self.world.fail("\(self.workflowID) is described as open and closed at once")
        }
        let ids = Set(response.pendingActivities.map(\.activityID))
        if ids.count != response.pendingActivities.count {
            self.world.fail("\(self.workflowID) is described with an activity twice")
        }
    }

    /// Makes the next task go to anybody.
    private func resetSticky() async {
        let answer = await self.caller.call(
            "ResetStickyTaskQueue",
            ResetStickyTaskQueueRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.execution.workflowID = self.workflowID
            }, returning: ResetStickyTaskQueueResponse.self)
        if case .failure(let error) = answer.result, error.kind != .notFound {
            self.world.fail("resetting stickiness of \(self.workflowID) was answered \(error)")
        }
    }

    private func describeTaskQueue() async {
        let answer = await self.caller.call(
            "DescribeTaskQueue",
            DescribeTaskQueueRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.taskQueue.name = ScriptedWorker.taskQueue
                $0.taskQueueType = .workflow
                $0.reportStats = true
            }, returning: DescribeTaskQueueResponse.self)
        guard case .success(let response) = answer.result else {
            return self.world.fail("describing the task queue was answered \(answer.result)")
        }
        if response.pollers.contains(where: { !$0.identity.hasPrefix("worker ") }) {
            self.world.fail("somebody unknown polls the task queue")
        }
    }

    // After the end.

    /// Asks the closed workflow, under every reject condition.
    package func queryClosed() async {
        guard let runID = self.runIDs.last else { return }
        await self.queryClosed(.notOpen, isRejected: true, runID)
        let isClean = self.program.end.status == .completed
        await self.queryClosed(.notCompletedCleanly, isRejected: !isClean, runID)
    }

    private func queryClosed(
        _ condition: Temporal_Api_Enums_V1_QueryRejectCondition, isRejected: Bool,
        _ runID: String
    ) async {
        let request = QueryWorkflowRequest.with {
            $0.execution.runID = runID
            $0.queryRejectCondition = condition
        }
        var answer = await self.ask(request)
        if case .failure(let error) = answer, error.kind == .failedPrecondition {
            // The worker's polls may have been lost on their way, and come again.
            await self.world.clock.pass(.seconds(120))
            answer = await self.ask(request)
        }
        switch answer {
        case .success(let response):
            if response.hasQueryRejected != isRejected
                || isRejected && response.queryRejected.status != self.program.end.status
            {
                self.world.fail(
                    "a query of \(self.workflowID) unless \(condition) was answered \(response)")
            }
            if !isRejected, response.queryResult.text != "\(self.program.signalCount)" {
                self.world.fail(
                    "\(self.workflowID) saw \(response.queryResult.text) signals at its end")
            }
        case .failure(let error):
            // A closed run that never had a workflow task cannot be asked.
            guard error.isWorthAnotherTry || error.kind == .workflowNotReady, !isRejected else {
                return self.world.fail(
                    "a query of the closed \(self.workflowID) was answered \(error)")
            }
        }
    }
}
