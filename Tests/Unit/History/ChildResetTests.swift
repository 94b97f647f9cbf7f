import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ChildResetTests {
    private func reset(_ shard: ShardHarness, at eventID: Int64) throws -> RunID {
        let reply = try shard.call(
            .reset(
                .with {
                    $0.workflowExecution.workflowID = "w"
                    $0.workflowTaskFinishEventID = eventID
                    $0.requestID = shard.name("reset")
                    $0.reason = "again"
                }))
        guard case .reset(let runID) = reply else { throw UnexpectedReply() }
        return runID
    }

    @Test("A child started before the point stays with the new run and reports to it")
    func before() throws {
        let shard = try ChildTests.family()
        let child = shard.currentRun("c")
        try shard.work(on: "w", .marker("m"))
        let runID = try self.reset(shard, at: 9)
        #expect(try shard.events(nil, "c").count == 2, "its parent's end does not concern it")
        #expect(try shard.describe().pendingChildren.map(\.runID) == [child.rawValue])
        try shard.work(on: "w")
        try shard.work(on: "c", .complete())
        #expect(
            try shard.events(runID).suffix(2).first?.eventType == .childWorkflowExecutionCompleted)
        #expect(shard.store.history.keys.count { $0.workflowID == "c" } == 1)
    }

    @Test("A parent may be reset again and again")
    func chain() throws {
        let shard = try ChildTests.family()
        try shard.work(on: "w")
        for _ in 0..<3 {
            _ = try self.reset(shard, at: 9)
            try shard.work(on: "w")
        }
        try shard.work(on: "c", .complete())
        #expect(try shard.history().contains("ChildWorkflowExecutionCompleted"))
    }

    @Test("What came of a child after the point is taken over")
    func after() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.holding { try shard.work(on: "w", .child("a"), .child("b")) }
        try shard.signal("s")
        shard.holdsSent = false
        let task = try shard.takeWorkflowTask(of: "w")
        shard.releaseSent()
        try shard.work(on: "a", .complete("a"))
        try shard.complete(task)
        try shard.work(on: "w")
        let base = shard.currentRun()
        let point =
            try #require(
                try shard.events(base).first {
                    $0.eventType == .workflowTaskStarted && $0.eventID > 5
                }
            ).eventID + 1
        let runID = try self.reset(shard, at: point)
        let events = try shard.events(runID)
        let started = events.filter { $0.eventType == .childWorkflowExecutionStarted }
        #expect(started.count == 2)
        let end = try #require(
            events.first { $0.eventType == .childWorkflowExecutionCompleted }
        ).childWorkflowExecutionCompletedEventAttributes
        #expect(end.result.texts == ["a"])
        let start = started.first {
            $0.childWorkflowExecutionStartedEventAttributes.workflowExecution.workflowID == "a"
        }
        #expect(end.startedEventID == start?.eventID)
        try shard.work(on: "w")
        try shard.work(on: "b", .complete("b"))
        #expect(
            try shard.events(runID).filter { $0.eventType == .childWorkflowExecutionCompleted }
                .count == 2)
    }

    @Test("A child that was on its way is started once, and belongs to the new run")
    func onItsWay() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.holding { try shard.work(on: "w", .child()) }
        try shard.signal("s")
        try shard.work(on: "w")
        let runID = try self.reset(shard, at: 9)
        shard.holdsSent = false
        shard.releaseSent()
        shard.wait(.seconds(5))
        #expect(shard.store.history.keys.count { $0.workflowID == "c" } == 1)
        #expect(
            try shard.events(runID).map(\.eventType).contains(.childWorkflowExecutionStarted))
        try shard.work(on: "c", .complete())
        #expect(try shard.history().contains("ChildWorkflowExecutionCompleted"))
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }

    @Test("A signal that was on its way arrives once")
    func signalOnItsWay() throws {
        let shard = ShardHarness()
        try shard.start("x")
        try shard.start()
        try shard.holding { try shard.work(on: "w", .signalExternal("x"), .cancelExternal("x")) }
        try shard.signal("s")
        try shard.work(on: "w")
        let runID = try self.reset(shard, at: 10)
        shard.holdsSent = false
        shard.releaseSent()
        #expect(try shard.events(nil, "x").count == 4)
        let types = try shard.events(runID).map(\.eventType)
        #expect(types.contains(.externalWorkflowExecutionSignaled))
        #expect(types.contains(.externalWorkflowExecutionCancelRequested))
    }

    @Test("A child asked for after the point goes on alone; its id is taken")
    func later() throws {
        let shard = try ChildTests.family()
        shard.handedOver.removeAll { $0.run.workflowID == "w" }
        _ = try self.reset(shard, at: 4)
        try shard.work(on: "w", .child())
        #expect(try shard.history().contains("StartChildWorkflowExecutionFailed"))
        try shard.work(on: "c", .complete())
        #expect(!(try shard.history().contains("ChildWorkflowExecutionCompleted")))
    }

    @Test("A child that is reset goes on; its parent hears of its end, not of the reset")
    func resetChild() throws {
        let shard = try ChildTests.family()
        try shard.work(on: "w")
        try shard.work(on: "c")
        let reply = try shard.call(
            .reset(
                .with {
                    $0.workflowExecution.workflowID = "c"
                    $0.workflowTaskFinishEventID = 4
                    $0.requestID = "reset"
                }), to: "c")
        guard case .reset(let runID) = reply else { throw UnexpectedReply() }
        #expect(try shard.events().count == 9)
        try shard.work(on: "c", .complete())
        let end = try shard.lastEvent(.childWorkflowExecutionCompleted)
            .childWorkflowExecutionCompletedEventAttributes
        #expect(end.workflowExecution.runID == runID.rawValue)
    }

    @Test("A new run closes the children it has taken over")
    func closes() throws {
        let shard = try ChildTests.family()
        try shard.work(on: "w")
        _ = try self.reset(shard, at: 9)
        try shard.work(on: "w", .complete())
        #expect(try shard.events(nil, "c").last?.eventType == .workflowExecutionTerminated)
    }

    @Test("A reset point is not offered while something is on its way")
    func resettable() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.holding { try shard.work(on: "w", .child()) }
        try shard.signal("s")
        let task = try shard.takeWorkflowTask(of: "w")
        try shard.complete(task) { $0.workerVersionStamp.buildID = "two" }
        let points = try shard.describe().workflowExecutionInfo.autoResetPoints.points
        #expect(points.map(\.resettable) == [true, false])
    }
}
