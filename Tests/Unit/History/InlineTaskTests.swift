import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct InlineTaskTests {
    @Test("A worker that wants it gets the next task with the answer to the last one")
    func returned() throws {
        let shard = ShardHarness()
        try shard.start()
        let task = try shard.takeWorkflowTask()
        try shard.signal("unseen")
        let response = try shard.answer(task, []) { $0.returnNewWorkflowTask = true }
        #expect(
            try shard.history(after: 3) == """
                4 WorkflowTaskCompleted
                5 WorkflowExecutionSignaled
                6 WorkflowTaskScheduled
                7 WorkflowTaskStarted
                """)
        let next = response.workflowTask
        #expect(next.startedEventID == 7)
        #expect(next.previousStartedEventID == 3)
        #expect(next.history.events.map(\.eventID) == [4, 5, 6, 7])
        let started = try shard.lastEvent(.workflowTaskStarted).workflowTaskStartedEventAttributes
        #expect(started.requestID == "request-from-RespondWorkflowTaskCompleted")
        #expect(started.identity == "worker")
        #expect(!shard.handedOver.contains { $0.queue.type == .workflow })
        try shard.complete(next, .complete())
        #expect(try shard.describe().workflowExecutionInfo.status == .completed)
        try HistoryRules.check(shard, "the end")
    }

    @Test("A heartbeat keeps the time of the first task")
    func heartbeat() throws {
        let shard = ShardHarness { $0.workflowTaskHeartbeatTimeout = .seconds(20) }
        try shard.start()
        var task = try shard.takeWorkflowTask()
        let scheduledAt = task.scheduledTime
        for _ in 0..<2 {
            shard.wait(.seconds(9))
            task = try shard.answer(task, []) {
                $0.forceCreateNewWorkflowTask = true
                $0.returnNewWorkflowTask = true
            }.workflowTask
            #expect(task.scheduledTime == scheduledAt)
        }
        shard.wait(.seconds(9))
        let error = #expect(throws: ServiceError.self) {
            try shard.answer(task, []) {
                $0.forceCreateNewWorkflowTask = true
                $0.returnNewWorkflowTask = true
            }
        }
        #expect(error == .notFound("workflow task heartbeat timeout"))
        #expect(try shard.lastEvent(.workflowTaskTimedOut).eventID > 0)
    }

    @Test("Updates that came meanwhile ride on a speculative task, if it is returned")
    func speculative() throws {
        let shard = try ShardHarness.idle()
        try shard.signal("go")
        let task = try shard.takeWorkflowTask()
        let id = shard.update()
        let response = try shard.answer(task, []) { $0.returnNewWorkflowTask = true }
        #expect(try shard.history(after: 7) == "8 WorkflowTaskCompleted")
        let next = response.workflowTask
        #expect(next.messages.map(\.protocolInstanceID) == ["u"])
        #expect(next.history.events.map(\.eventID) == [8, 9, 10])
        let last = try shard.answer(next, [.reject()]) { $0.returnNewWorkflowTask = true }
        #expect(last.resetHistoryEventID == 7)
        #expect(!last.hasWorkflowTask)
        #expect(try shard.history(after: 8).isEmpty)
        #expect(try shard.updated(id).outcome.failure == .application("no"))
    }

    @Test("… and on a normal one, if it is not")
    func normal() throws {
        let shard = try ShardHarness.idle()
        try shard.signal("go")
        let task = try shard.takeWorkflowTask()
        shard.update()
        try shard.complete(task)
        #expect(try shard.history(after: 7) == "8 WorkflowTaskCompleted\n9 WorkflowTaskScheduled")
        #expect(try shard.takeWorkflowTask().messages.count == 1)
    }

    @Test("A discarded task is followed by the next one in the same answer")
    func afterDiscarded() throws {
        let shard = try ShardHarness.idle()
        shard.update("first")
        let task = try shard.takeWorkflowTask()
        let second = shard.update("second")
        let response = try shard.answer(task, [.reject("first")]) {
            $0.returnNewWorkflowTask = true
        }
        #expect(response.resetHistoryEventID == 3)
        #expect(response.workflowTask.messages.map(\.protocolInstanceID) == ["second"])
        #expect(response.workflowTask.history.events.map(\.eventID) == [4, 5, 6])
        try shard.answer(response.workflowTask, [.accept("second", at: 5), .complete("second")])
        #expect(try shard.updated(second).stage == .completed)
        #expect(try shard.history(after: 4).hasPrefix("5 WorkflowTaskScheduled"))
    }

    @Test("A run that closes or waits returns none")
    func none() throws {
        let shard = ShardHarness()
        try shard.start()
        let response = try shard.answer(
            try shard.takeWorkflowTask(), [], then: [.timer("t", after: .seconds(9))]
        ) { $0.returnNewWorkflowTask = true }
        #expect(!response.hasWorkflowTask)
        shard.wait(.seconds(9))
        let last = try shard.answer(try shard.takeWorkflowTask(), [], then: [.complete()]) {
            $0.returnNewWorkflowTask = true
        }
        #expect(!last.hasWorkflowTask)
    }
}
