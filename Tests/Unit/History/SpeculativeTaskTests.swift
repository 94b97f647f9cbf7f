import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct SpeculativeTaskTests {
    @Test("Nothing is written of a speculative task, but its worker sees its events")
    func unwritten() throws {
        let shard = try ShardHarness.idle()
        let commits = shard.commitCount
        shard.update()
        let dispatch = try #require(shard.handedOver.first)
        let task = try shard.takeWorkflowTask(requestID: "poll")
        #expect(shard.commitCount == commits)
        #expect(
            task.history.events.suffix(2).text == "5 WorkflowTaskScheduled\n6 WorkflowTaskStarted")
        #expect(task.startedEventID == 6)
        #expect(task.previousStartedEventID == 3)
        #expect(try shard.history(after: 4).isEmpty)
        let again = try shard.take(dispatch, requestID: "poll")
        #expect(again.messages == task.messages)
        try HistoryRules.check(shard, "the end")
    }

    @Test("A signal makes it a task like any other, before a worker took it and after")
    func becomesNormal() throws {
        let shard = try ShardHarness.idle()
        shard.update()
        try shard.signal("one")
        #expect(
            try shard.history(after: 4) == "5 WorkflowTaskScheduled\n6 WorkflowExecutionSignaled")
        let task = try shard.takeWorkflowTask()
        #expect(task.startedEventID == 7)
        #expect(task.messages.map(\.eventID) == [6])
        try shard.answer(task, [.reject()])
        #expect(try shard.history(after: 6) == "7 WorkflowTaskStarted\n8 WorkflowTaskCompleted")

        shard.handedOver = []
        shard.update("second")
        let second = try shard.takeWorkflowTask()
        try shard.signal("two")
        #expect(try shard.history(after: 8) == "9 WorkflowTaskScheduled\n10 WorkflowTaskStarted")
        let response = try shard.answer(second, [.reject("second")])
        #expect(response.resetHistoryEventID == 0)
        #expect(
            try shard.history(after: 10) == """
                11 WorkflowTaskCompleted
                12 WorkflowExecutionSignaled
                13 WorkflowTaskScheduled
                """)
        try HistoryRules.check(shard, "the end")
    }

    @Test("One nobody takes times out and is followed by a normal one", arguments: [false, true])
    func scheduleToStart(sticky: Bool) throws {
        let shard = try ShardHarness.idle(sticky: sticky)
        shard.update()
        shard.handedOver = []
        shard.wait(.seconds(5))
        #expect(
            try shard.history(after: 4) == """
                5 WorkflowTaskScheduled
                6 WorkflowTaskTimedOut
                7 WorkflowTaskScheduled
                """)
        let dispatch = try #require(shard.handedOver.last)
        #expect(dispatch.queue.name == "queue")
        let task = try shard.take(dispatch)
        #expect(task.messages.count == 1)
        #expect(task.attempt == 1)
    }

    @Test("One whose worker vanishes times out with its events")
    func startToClose() throws {
        let shard = try ShardHarness.idle()
        shard.update()
        _ = try shard.takeWorkflowTask()
        shard.wait(.seconds(10))
        #expect(
            try shard.history(after: 4) == """
                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskTimedOut
                """)
        #expect(try shard.takeWorkflowTask().messages.count == 1)
    }

    @Test("A sticky worker that is gone is passed over at once")
    func stickyUnavailable() throws {
        let shard = try ShardHarness.idle(sticky: true)
        shard.matchingRefusal = { task in
            task.queue.isSticky ? ServiceError(.stickyWorkerUnavailable, "gone") : nil
        }
        let id = shard.update()
        let task = try shard.takeWorkflowTask()
        #expect(task.history.events.first?.eventID == 1)
        try shard.answer(task, [.accept(at: 5), .complete()])
        #expect(try shard.updated(id).stage == .completed)
    }

    @Test("Matching that takes nothing is asked again by a normal task")
    func matchingUnavailable() throws {
        let shard = try ShardHarness.idle()
        shard.matchingRefusal = { _ in .unavailable("busy") }
        shard.update()
        shard.matchingRefusal = { _ in nil }
        shard.wait(.seconds(6))
        let dispatch = try #require(shard.handedOver.last)
        #expect(try shard.take(dispatch).messages.count == 1)
    }

    @Test("Events the worker has not seen may come again, if it knows how, and are not too many")
    func events() throws {
        for (capable, timers, isDiscarded) in [
            (false, 0, true), (false, 1, false), (true, 1, true),
            (true, 11, false),
        ] {
            let shard = ShardHarness()
            try shard.start()
            let task = try shard.takeWorkflowTask()
            try shard.call(
                shard.completion(
                    of: task, (0..<timers).map { .timer("t\($0)", after: .seconds(99)) }))
            let length = Int64(4 + timers)
            shard.update()
            let response = try shard.answer(try shard.takeWorkflowTask(), [.reject()]) {
                $0.capabilities.discardSpeculativeWorkflowTaskWithEvents = capable
            }
            #expect(response.resetHistoryEventID == (isDiscarded ? 3 : 0))
            #expect(try shard.history(after: length).isEmpty == isDiscarded)
        }
    }

    @Test("A lost one is no longer accepted, whoever completes it")
    func lost() throws {
        let shard = try ShardHarness.idle()
        shard.update()
        let task = try shard.takeWorkflowTask()
        shard.restart()
        let error = #expect(throws: ServiceError.self) { try shard.answer(task, [.reject()]) }
        #expect(error == .notFound("Workflow task not found."))
        // Another one with the same ids is not that one.
        let id = shard.update()
        shard.wait(.milliseconds(1))
        let second = try shard.takeWorkflowTask()
        #expect(throws: ServiceError.self) { try shard.answer(task, [.accept(at: 5)]) }
        try shard.answer(second, [.accept(at: 5), .complete()])
        #expect(try shard.updated(id).stage == .completed)
    }

    @Test("It does not wait for a start delay")
    func startDelay() throws {
        let shard = ShardHarness()
        try shard.start { $0.workflowStartDelay = Duration.seconds(60).proto }
        let id = shard.update()
        let task = try shard.takeWorkflowTask()
        #expect(
            task.history.events.text
                == "1 WorkflowExecutionStarted\n2 WorkflowTaskScheduled\n3 WorkflowTaskStarted")
        try shard.answer(task, [.accept(at: 2), .complete()])
        #expect(try shard.updated(id).stage == .completed)
        shard.wait(.seconds(61))
        #expect(try shard.history(after: 6).isEmpty)
    }

    @Test("A reader of the history may be shown its events")
    func shown() throws {
        let shard = try ShardHarness.idle()
        shard.update()
        let operation = HistoryOperation.getHistory(
            .with { $0.execution.workflowID = "w" }, showsUnwritten: true)
        guard case .history(let scheduled) = try shard.call(operation) else {
            throw UnexpectedReply()
        }
        #expect(scheduled.history.events.last?.eventType == .workflowTaskScheduled)
        _ = try shard.takeWorkflowTask()
        guard case .history(let started) = try shard.call(operation) else {
            throw UnexpectedReply()
        }
        #expect(
            started.history.events.suffix(2).text
                == "5 WorkflowTaskScheduled\n6 WorkflowTaskStarted")
    }

    @Test("Queries ride on it, and are answered though it leaves nothing")
    func queries() throws {
        let shard = try ShardHarness.idle()
        shard.update()
        let query = shard.send(.query(.with { $0.query.queryType = "state" }))
        let other = shard.send(.query(.with { $0.query.queryType = "other" }))
        #expect(
            shard.error(of: other)?.kind
                == .resourceExhausted(cause: .busyWorkflow, scope: .namespace))
        let task = try shard.takeWorkflowTask()
        let key = try #require(task.queries.keys.first)
        try shard.answer(task, [.reject()]) {
            $0.queryResults[key] = .with {
                $0.resultType = .answered
                $0.answer = .text("fine")
            }
        }
        guard case .queried(let response) = try #require(shard.replies[query]).get() else {
            throw UnexpectedReply()
        }
        #expect(response.queryResult.texts == ["fine"])
        #expect(try shard.history(after: 4).isEmpty)
    }
}
