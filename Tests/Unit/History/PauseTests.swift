import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct PauseTests {
    private func pause(_ shard: ShardHarness) throws {
        try shard.call(
            .pause(
                .with {
                    $0.identity = "operator"
                    $0.reason = "wait"
                }))
    }

    private func unpause(_ shard: ShardHarness) throws { try shard.call(.unpause(.init())) }

    private func types(_ shard: ShardHarness) throws -> [EventType] {
        try shard.events().map(\.eventType)
    }

    @Test("A workflow task nobody has taken is called back, and comes again afterwards")
    func waitingTask() throws {
        let shard = ShardHarness()
        _ = try shard.start()
        let old = shard.handedOver.removeLast()
        try self.pause(shard)
        #expect(
            try self.types(shard).suffix(2) == [.workflowTaskFailed, .workflowExecutionPaused])
        #expect(
            shard.refusal(.recordWorkflowTaskStarted(shard.workflowStart(of: old)))?.kind
                == .obsoleteTask)
        try shard.signal("s")
        #expect(shard.handedOver.isEmpty)
        try self.unpause(shard)
        #expect(
            try self.types(shard).suffix(3) == [
                .workflowExecutionSignaled, .workflowExecutionUnpaused, .workflowTaskScheduled,
            ])
        #expect(try shard.takeWorkflowTask().attempt == 1)
    }

    @Test("A workflow task that is with a worker may be completed; no other one follows")
    func startedTask() throws {
        let shard = ShardHarness()
        _ = try shard.start()
        let task = try shard.takeWorkflowTask()
        try self.pause(shard)
        try shard.complete(task, .activity("a"), .timer("t", after: .seconds(5)))
        #expect(try self.types(shard).last == .workflowExecutionPaused, "it waited in the buffer")
        shard.wait(.seconds(6))
        #expect(try self.types(shard).last == .timerFired)
        #expect(shard.handedOver.isEmpty)
        try self.unpause(shard)
        #expect(
            shard.handedOver.map(\.queue.type).sorted { "\($0)" < "\($1)" } == [
                .activity, .workflow,
            ])
    }

    @Test("A heartbeat of a workflow task is refused")
    func heartbeat() throws {
        let shard = ShardHarness()
        _ = try shard.start()
        let task = try shard.takeWorkflowTask()
        try self.pause(shard)
        let error = shard.refusal(
            try shard.completion(of: task, []) { $0.forceCreateNewWorkflowTask = true })
        #expect(error?.kind == .failedPrecondition)
        try shard.complete(task)
    }

    @Test("An activity that fails is tried again only after the pause")
    func retry() throws {
        let shard = ShardHarness()
        _ = try shard.start()
        try shard.work(.activity("a") { $0.startToCloseTimeout = Duration.seconds(60).proto })
        let task = try shard.takeActivity()
        try self.pause(shard)
        try shard.failActivity(task)
        shard.wait(.seconds(10))
        #expect(shard.handedOver.isEmpty)
        try self.unpause(shard)
        #expect(try shard.takeActivity().attempt == 2)
    }

    @Test("A start delay that ends during a pause counts when it is over")
    func delay() throws {
        let shard = ShardHarness()
        _ = try shard.start { $0.workflowStartDelay = Duration.seconds(5).proto }
        try self.pause(shard)
        shard.wait(.seconds(10))
        #expect(shard.handedOver.isEmpty)
        try self.unpause(shard)
        shard.wait(.zero)
        #expect(try shard.takeWorkflowTask().attempt == 1)
    }

    @Test("The same pause twice is one; another one is refused, and what is not paused stays so")
    func repeated() throws {
        let shard = ShardHarness()
        _ = try shard.start()
        #expect(shard.refusal(.unpause(.init()))?.kind == .failedPrecondition)
        try self.pause(shard)
        let before = try self.types(shard)
        try self.pause(shard)
        #expect(try self.types(shard) == before)
        #expect(
            shard.refusal(.pause(.with { $0.requestID = "other" }))
                == ServiceError(.failedPrecondition, "workflow is already paused."))
    }

    @Test("A query that waits for a workflow task is rejected when the run is paused")
    func waitingQuery() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.completeSticky(try shard.takeWorkflowTask())
        try shard.call(.signal(.with { $0.signalName = "s" }))
        let id = shard.send(.query(.with { $0.query.queryType = "q" }))
        #expect(shard.replies[id] == nil)
        try self.pause(shard)
        guard case .queried(let answer) = try #require(shard.replies[id]).get() else {
            throw UnexpectedReply()
        }
        #expect(answer.queryRejected.status == .paused)
        #expect(answer.link.workflow.reason == "Query rejected")
    }

    @Test("A paused run is open: it is not started again, and can be ended")
    func open() throws {
        let shard = ShardHarness()
        let runID = try shard.start()
        try self.pause(shard)
        #expect(
            shard.refusal(.startWorkflowExecution(shard.startBody { $0.requestID = "x" }))
                != nil)
        guard case .queried(let answer) = try shard.call(.query(.with { $0.query.queryType = "q" }))
        else { throw UnexpectedReply() }
        #expect(answer.queryRejected.status == .paused)
        try shard.call(.terminate(.init()))
        #expect(try shard.events(runID).last?.eventType == .workflowExecutionTerminated)
    }
}
