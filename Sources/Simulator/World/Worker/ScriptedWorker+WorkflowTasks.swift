import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

extension ScriptedWorker {
    /// Does a workflow task, and the tasks its answers bring.
    func work(on task: PollWorkflowTaskQueueResponse) async {
        var next: PollWorkflowTaskQueueResponse? = task
        while let task = next { next = await self.answer(task) }
    }

    /// - Returns: the task that came with the answer.
    private func answer(
        _ task: PollWorkflowTaskQueueResponse
    ) async -> PollWorkflowTaskQueueResponse? {
        let runID = task.workflowExecution.runID
        if !task.hasQuery,
            let error = self.world.tasks.workflowTaskArrived(
                runID: runID, startedEventID: task.startedEventID, attempt: task.attempt,
                startedAt: Timestamp(task.startedTime), isSpeculative: !task.messages.isEmpty)
        {
            self.world.fail(error)
        }
        guard let events = await self.events(of: task) else { return nil }
        guard let replay = WorkflowReplays.replay(events) else {
            self.world.fail("the history of \(runID) is not one of a known workflow")
            return nil
        }
        guard !task.hasQuery else {
            self.cache[runID] = events
            self.world.loop.record(
                "\(self.identity) took a query of \(task.workflowExecution.workflowID), "
                    + "events to \(events.last?.eventID ?? 0)")
            await self.answerQuery(of: task, replay.queryAnswer)
            return nil
        }
        self.world.loop.record(
            "\(self.identity) took task \(task.startedEventID) of "
                + "\(task.workflowExecution.workflowID), attempt \(task.attempt), "
                + "events to \(events.last?.eventID ?? 0), \(task.queries.count) queries")
        if self.world.plan.strikes(.workflowTaskForgotten) { return nil }
        await self.world.clock.pass(
            self.caller.draw(
                upTo: self.world.plan.strikes(.workflowTaskSlow)
                    ? .seconds(3) : .milliseconds(20)))
        if self.world.plan.strikes(.workflowTaskFailed) {
            await self.fail(task)
            return nil
        }
        return await self.complete(task, events, replay)
    }

    private func complete(
        _ task: PollWorkflowTaskQueueResponse, _ events: [HistoryEvent],
        _ replay: any WorkflowReplay
    ) async -> PollWorkflowTaskQueueResponse? {
        let done = replay.answer(to: task.messages)
        let answer = await self.caller.call(
            "RespondWorkflowTaskCompleted", self.completion(of: task, done, replay.queryAnswer),
            returning: RespondWorkflowTaskCompletedResponse.self)
        if case .failure(let error) = answer.result, error.kind == .invalidArgument,
            error.message.contains("UnhandledCommand")
        {
            self.world.marks.reached("worker.unhandledCommand")
            return nil
        }
        if let refusal = done.refusal {
            self.check(answer, isRefused: refusal, done.commands)
            return nil
        }
        guard let response = self.check(answer, of: "RespondWorkflowTaskCompleted") else {
            return nil
        }
        for command in done.commands { self.world.coverage.used(command.commandType) }
        if self.stickyQueue != nil {
            // The server may have forgotten the task, as one that came to nothing.
            let last = response.resetHistoryEventID
            if last > 0 { self.world.marks.reached("worker.taskDiscarded") }
            self.cache[task.workflowExecution.runID] =
                last > 0 ? events.filter { $0.eventID <= last } : events
        }
        return response.hasWorkflowTask && !response.workflowTask.taskToken.isEmpty
            ? response.workflowTask : nil
    }

    private func completion(
        of task: PollWorkflowTaskQueueResponse, _ done: WorkflowTaskAnswer, _ queryAnswer: String
    ) -> RespondWorkflowTaskCompletedRequest {
        .with {
            $0.namespace = SimulatedWorld.namespace
            $0.taskToken = task.taskToken
            $0.identity = self.identity
            $0.commands = done.commands
            $0.messages = done.messages
            $0.capabilities.discardSpeculativeWorkflowTaskWithEvents = self.discardsTasksWithEvents
            $0.returnNewWorkflowTask = true
            $0.queryResults = task.queries.mapValues { _ in
                .with {
                    $0.resultType = .answered
                    $0.answer = Payloads(text: queryAnswer)
                }
            }
            if let name = self.stickyQueue {
                $0.stickyAttributes.workerTaskQueue = .with {
                    $0.name = name
                    $0.kind = .sticky
                    $0.normalName = Self.taskQueue
                }
                $0.stickyAttributes.scheduleToStartTimeout = Duration.seconds(5).proto
            }
        }
    }

    /// What cannot be carried out is refused, unless the task is over anyway.
    private func check(
        _ answer: PatientCaller.Answer<RespondWorkflowTaskCompletedResponse>,
        isRefused refusal: String, _ commands: [Command]
    ) {
        guard case .failure(let error) = answer.result,
            error.kind == .notFound
                || error.kind == .invalidArgument && error.message.hasPrefix(refusal)
        else { return self.world.fail("\(refusal) was to be said, not \(answer.result)") }
        guard error.kind == .invalidArgument else { return }
        for command in commands { self.world.coverage.used(command.commandType) }
    }

    private func fail(_ task: PollWorkflowTaskQueueResponse) async {
        let request = RespondWorkflowTaskFailedRequest.with {
            $0.namespace = SimulatedWorld.namespace
            $0.taskToken = task.taskToken
            $0.identity = self.identity
            $0.cause = .workflowWorkerUnhandledFailure
            $0.failure.message = "the worker was told to fail"
        }
        let answer = await self.caller.call(
            "RespondWorkflowTaskFailed", request,
            returning: RespondWorkflowTaskFailedResponse.self)
        _ = self.check(answer, of: "RespondWorkflowTaskFailed")
    }

    private func answerQuery(
        of task: PollWorkflowTaskQueueResponse, _ result: String
    ) async {
        let request = RespondQueryTaskCompletedRequest.with {
            $0.namespace = SimulatedWorld.namespace
            $0.taskToken = task.taskToken
            $0.completedType = .answered
            $0.queryResult = Payloads(text: result)
        }
        let answer = await self.caller.call(
            "RespondQueryTaskCompleted", request,
            returning: RespondQueryTaskCompletedResponse.self)
        _ = self.check(answer, of: "RespondQueryTaskCompleted")
    }

    /// All events of the run up to the task's own; nil if they cannot be had any more.
    private func events(of task: PollWorkflowTaskQueueResponse) async -> [HistoryEvent]? {
        let execution = task.workflowExecution
        let cached = self.cache.removeValue(forKey: execution.runID)
        let first = task.history.events.first?.eventID
        if first == 1 {
            return await self.pages(task.history.events, execution, task.nextPageToken)
        }
        if let cached, let last = cached.last?.eventID {
            if first == nil { return cached }
            if first == last + 1 {
                return await self.pages(
                    cached + task.history.events, execution, task.nextPageToken)
            }
        }
        self.world.marks.reached("worker.cacheMiss")
        guard let events = await self.pages([], execution, Data()) else { return nil }
        // Events behind the task belong to later ones.
        let last = task.hasQuery ? Int64.max : task.startedEventID
        return events.filter { $0.eventID <= last }
    }

    /// `events`, and the pages that come behind them.
    private func pages(
        _ events: [HistoryEvent], _ execution: WorkflowExecution, _ token: Data
    ) async -> [HistoryEvent]? {
        var events = events, token = token
        while events.isEmpty || !token.isEmpty {
            let answer = await self.caller.call(
                "GetWorkflowExecutionHistory",
                GetWorkflowExecutionHistoryRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.execution = execution
                    $0.nextPageToken = token
                }, returning: GetWorkflowExecutionHistoryResponse.self)
            guard let page = self.check(answer, of: "GetWorkflowExecutionHistory") else {
                return nil
            }
            events += page.history.events
            token = page.nextPageToken
            if events.isEmpty, token.isEmpty { return nil }
        }
        return events
    }
}
