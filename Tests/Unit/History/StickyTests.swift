import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct StickyTests {
    /// A run in a worker's cache, with nothing to do.
    private func cachedRun() throws -> ShardHarness {
        let shard = ShardHarness()
        try shard.start()
        try shard.completeSticky(try shard.takeWorkflowTask())
        return shard
    }

    @Test("The worker that has the run in its cache gets what is new only")
    func stickyTask() throws {
        let shard = try self.cachedRun()
        try shard.signal("go")
        let dispatch = try #require(shard.handedOver.first)
        #expect(dispatch.queue.isSticky)
        #expect(dispatch.queue.name == "sticky")
        #expect(dispatch.expiresAt == shard.now + .seconds(5))
        let task = try shard.takeWorkflowTask()
        #expect(task.history.events.first?.eventID == 4)
        #expect(task.previousStartedEventID == 3)
        #expect(task.workflowExecutionTaskQueue.name == "queue")
        let scheduled = try shard.lastEvent(.workflowTaskScheduled)
            .workflowTaskScheduledEventAttributes
        #expect(scheduled.taskQueue.kind == .sticky)
        #expect(scheduled.taskQueue.normalName == "queue")
    }

    @Test("If that worker does not take it in time, any other one may")
    func scheduleToStartTimeout() throws {
        let shard = try self.cachedRun()
        try shard.signal("go")
        let lost = shard.handedOver.removeFirst()
        shard.wait(.seconds(5))
        #expect(
            try shard.history().hasSuffix(
                """
                5 WorkflowExecutionSignaled
                6 WorkflowTaskScheduled
                7 WorkflowTaskTimedOut
                8 WorkflowTaskScheduled
                """))
        let timedOut = try shard.lastEvent(.workflowTaskTimedOut)
            .workflowTaskTimedOutEventAttributes
        #expect(timedOut.timeoutType == .scheduleToStart)
        #expect(timedOut.startedEventID == 0)
        let start = shard.workflowStart(of: lost)
        #expect(shard.refusal(.recordWorkflowTaskStarted(start))?.kind == .obsoleteTask)
        let task = try shard.takeWorkflowTask()
        #expect(task.attempt == 1)
        #expect(task.history.events.first?.eventID == 1)
    }

    @Test("If matching knows that worker is gone, the task goes to the normal queue at once")
    func workerUnavailable() throws {
        let shard = try self.cachedRun()
        shard.matchingRefusal = { task in
            task.queue.isSticky ? ServiceError(.stickyWorkerUnavailable, "gone") : nil
        }
        try shard.signal("go")
        let dispatch = try #require(shard.handedOver.first)
        #expect(!dispatch.queue.isSticky)
        #expect(dispatch.queue.name == "queue")
        let task = try shard.takeWorkflowTask()
        #expect(task.history.events.text == (try shard.history()))
        try shard.complete(task)
        try shard.signal("again")
        #expect(shard.handedOver.first?.queue.isSticky == false)
    }

    @Test("A failure on a sticky queue does not count as an attempt")
    func stickyFailure() throws {
        let shard = try self.cachedRun()
        try shard.signal("go")
        try shard.failTask(try shard.takeWorkflowTask())
        #expect(try shard.history().hasSuffix("8 WorkflowTaskFailed\n9 WorkflowTaskScheduled"))
        let task = try shard.takeWorkflowTask()
        #expect(task.attempt == 1)
        try shard.failTask(task)
        #expect(try shard.takeWorkflowTask().attempt == 2)
    }

    @Test("A worker that leaves gives its runs back")
    func resetSticky() throws {
        let shard = try self.cachedRun()
        try shard.call(.resetStickyTaskQueue(runID: ""))
        try shard.signal("go")
        #expect(shard.handedOver.first?.queue.isSticky == false)
    }

    @Test("A completion without sticky attributes takes the run out of the cache")
    func stickinessEnds() throws {
        let shard = try self.cachedRun()
        try shard.signal("go")
        try shard.work()
        try shard.signal("again")
        #expect(shard.handedOver.first?.queue.isSticky == false)
    }
}
