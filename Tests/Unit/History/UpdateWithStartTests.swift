import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct UpdateWithStartTests {
    typealias Started = Temporal_Api_Workflowservice_V1_StartWorkflowExecutionResponse

    private func send(
        _ shard: ShardHarness, _ id: String = "u",
        configure: (inout StartBody) -> Void = { _ in }
    ) -> HistoryShard.RequestID {
        shard.send(
            .startAndUpdate(
                shard.startBody(configure: configure), shard.updateBody(id), isRepeated: false))
    }

    private func answer(
        _ shard: ShardHarness, _ id: HistoryShard.RequestID
    ) throws -> (Started, UpdateResponse) {
        guard
            case .startedAndUpdated(let started, let updated) =
                try #require(shard.replies[id], "no reply yet").get()
        else { throw UnexpectedReply() }
        return (started, updated)
    }

    private func ends(
        _ shard: ShardHarness, _ id: HistoryShard.RequestID
    ) throws -> [ServiceError.OperationEnd] {
        guard case .multiOperation(let ends) = try #require(shard.error(of: id)).kind else {
            throw UnexpectedReply()
        }
        return ends
    }

    @Test("A new run's first task brings the update along")
    func starts() throws {
        let shard = ShardHarness()
        let id = self.send(shard)
        let task = try shard.takeWorkflowTask()
        #expect(
            task.history.events.text
                == "1 WorkflowExecutionStarted\n2 WorkflowTaskScheduled\n3 WorkflowTaskStarted")
        try shard.answer(task, [.accept(at: 2), .complete()])
        let (started, updated) = try self.answer(shard, id)
        #expect(started.started)
        #expect(started.runID == shard.currentRun().rawValue)
        #expect(updated.outcome.success.texts == ["changed"])
        #expect(
            try shard.history(after: 3) == """
                4 WorkflowTaskCompleted
                5 WorkflowExecutionUpdateAccepted
                6 WorkflowExecutionUpdateCompleted
                """)
    }

    @Test("A running workflow is updated, if the policy says so or the request was there before")
    func existing() throws {
        let shard = try ShardHarness.idle()
        let id = self.send(shard) { $0.workflowIDConflictPolicy = .useExisting }
        try shard.answer(try shard.takeWorkflowTask(), [.accept(at: 5), .complete()])
        let (started, updated) = try self.answer(shard, id)
        #expect(!started.started)
        #expect(started.status == .running)
        #expect(updated.stage == .completed)
        // The update is known by its id, whatever the policy says now, and after the end as well.
        #expect(try self.answer(shard, self.send(shard)).1.stage == .completed)
        try shard.terminate()
        let (closed, again) = try self.answer(shard, self.send(shard))
        #expect(closed.status == .terminated)
        #expect(!closed.started)
        #expect(again.outcome.success.texts == ["changed"])
    }

    @Test("The same start again is the same start")
    func repeated() throws {
        let shard = ShardHarness()
        let first = self.send(shard) { $0.requestID = "same" }
        let second = self.send(shard) { $0.requestID = "same" }
        try shard.answer(try shard.takeWorkflowTask(), [.accept(at: 2), .complete()])
        #expect(try self.answer(shard, first).0.started)
        #expect(!(try self.answer(shard, second).0.started))
        #expect(try self.answer(shard, second).1.outcome.success.texts == ["changed"])
    }

    @Test("A start that is refused aborts the update")
    func startRefused() throws {
        let shard = try ShardHarness.idle()
        let ends = try self.ends(shard, self.send(shard))
        guard case .failed(let error) = ends[0] else { throw UnexpectedReply() }
        guard case .workflowExecutionAlreadyStarted = error.kind else { throw UnexpectedReply() }
        #expect(ends[1] == .aborted)
        try shard.terminate()
        let reuse = try self.ends(
            shard, self.send(shard) { $0.workflowIDReusePolicy = .rejectDuplicate })
        guard case .failed(let reuseError) = reuse[0] else { throw UnexpectedReply() }
        #expect(reuseError.message.contains("already finished"))
    }

    @Test("An update that is refused aborts the start that is not needed")
    func updateRefused() throws {
        let shard = try ShardHarness.idle { $0.updatesInFlightMax = 1 }
        shard.update("other")
        let ends = try self.ends(
            shard, self.send(shard) { $0.workflowIDConflictPolicy = .useExisting })
        #expect(ends[0] == .aborted)
        guard case .failed(let error) = ends[1] else { throw UnexpectedReply() }
        #expect(error.kind == .resourceExhausted(cause: .concurrentLimit, scope: .namespace))
    }

    @Test("An update that no run would take replaces none")
    func tooLarge() throws {
        let shard = try ShardHarness.idle { $0.updatesInFlightSizeMax = 10 }
        let ends = try self.ends(
            shard, self.send(shard) { $0.workflowIDConflictPolicy = .terminateExisting })
        #expect(ends[0] == .aborted)
        guard case .failed(let error) = ends[1] else { throw UnexpectedReply() }
        #expect(error.kind == .resourceExhausted(cause: .concurrentLimit, scope: .namespace))
        #expect(try shard.describe().workflowExecutionInfo.status == .running)
    }

    @Test("A running workflow may be replaced")
    func terminating() throws {
        let shard = try ShardHarness.idle()
        let old = shard.currentRun()
        let id = self.send(shard) { $0.workflowIDConflictPolicy = .terminateExisting }
        #expect(try shard.describe(old).workflowExecutionInfo.status == .terminated)
        try shard.answer(try shard.takeWorkflowTask(), [.accept(at: 2), .complete()])
        #expect(try self.answer(shard, id).0.started)
    }

    @Test("If the workflow closes under the update, it is started anew, once")
    func closes() throws {
        let shard = try ShardHarness.idle()
        let id = self.send(shard) { $0.workflowIDConflictPolicy = .useExisting }
        try shard.terminate()
        #expect(shard.replies[id] == nil)
        shard.handedOver.removeFirst()
        let task = try shard.takeWorkflowTask()
        try shard.answer(task, [.accept(at: 2), .complete()])
        #expect(try self.answer(shard, id).0.started)

        let twice = shard.send(
            .startAndUpdate(
                shard.startBody { $0.workflowIDConflictPolicy = .useExisting },
                shard.updateBody("v"), isRepeated: true))
        try shard.terminate()
        guard case .failed(let error) = try self.ends(shard, twice)[1] else {
            throw UnexpectedReply()
        }
        #expect(error.kind == .aborted)
    }
}
