import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ResetTests {
    typealias Body = Temporal_Api_Workflowservice_V1_ResetWorkflowExecutionRequest

    private func operation(
        at eventID: Int64, requestID: String = "reset", configure: (inout Body) -> Void = { _ in }
    ) -> HistoryOperation {
        .reset(
            .with {
                $0.workflowExecution.workflowID = "w"
                $0.workflowTaskFinishEventID = eventID
                $0.requestID = requestID
                $0.reason = "again"
                configure(&$0)
            })
    }

    private func reset(
        _ shard: ShardHarness, at eventID: Int64, requestID: String = "reset",
        configure: (inout Body) -> Void = { _ in }
    ) throws -> RunID {
        let reply = try shard.call(
            self.operation(at: eventID, requestID: requestID, configure: configure))
        guard case .reset(let runID) = reply else { throw HistoryCorrupted("\(reply)") }
        return runID
    }

    private func work(_ shard: ShardHarness, _ commands: [Command]) throws {
        let task = try shard.takeWorkflowTask()
        try shard.call(shard.completion(of: task, commands))
    }

    private func info(_ shard: ShardHarness, _ runID: RunID) throws -> StoredExecutionInfo {
        let run = try #require(shard.store.runs[shard.key(runID)])
        return try StoredExecutionInfo(serializedBytes: run.info)
    }

    /// A run that has done two workflow tasks: events 1 to 4 and a timer, then a signal and 7 to 9.
    private func worked(_ shard: ShardHarness) throws -> RunID {
        let runID = try shard.start()
        try self.work(shard, [.timer("t", after: .seconds(60))])
        try shard.signal("s", requestID: "one")
        try self.work(shard, [.marker("m")])
        return runID
    }

    @Test("A new run takes the beginning over, gets later signals, and the old one is terminated")
    func fork() throws {
        let shard = ShardHarness()
        let base = try self.worked(shard)
        let commits = shard.commitCount
        let runID = try self.reset(shard, at: 4)
        #expect(
            try shard.events(runID).map(\.eventType) == [
                .workflowExecutionStarted, .workflowTaskScheduled, .workflowTaskStarted,
                .workflowTaskFailed, .workflowExecutionSignaled, .workflowTaskScheduled,
            ])
        let failed = try shard.events(runID)[3].workflowTaskFailedEventAttributes
        #expect(failed.cause == .resetWorkflow && failed.baseRunID == base.rawValue)
        #expect(failed.newRunID == runID.rawValue && failed.failure.message == "again")
        let end = try #require(try shard.events(base).last)
        #expect(end.eventType == .workflowExecutionTerminated)
        #expect(end.workflowExecutionTerminatedEventAttributes.identity == "history-resetter")
        #expect(shard.store.currentRuns[testAddress] == runID)
        #expect(shard.commitCount == commits + 1, "all of it is one commit")
        try self.work(shard, [.complete()])
        #expect(try self.info(shard, runID).status == .completed)
    }

    @Test("Every point a workflow task is open at can be gone back to, and no other")
    func points() throws {
        let shard = ShardHarness()
        let base = try self.worked(shard)
        let last = Int64(try shard.events(base).count)
        for point in 0...(last + 1) {
            let before = shard.store.runs.count
            let error = shard.refusal(
                self.operation(at: point, requestID: "reset \(point)") {
                    $0.workflowExecution.runID = base.rawValue
                })
            let isPossible = [3, 4, 8, 9].contains(point)
            #expect((error == nil) == isPossible, "event \(point): \(String(describing: error))")
            #expect(shard.store.runs.count == before + (isPossible ? 1 : 0))
            if let error { #expect(error.kind == .invalidArgument) }
        }
    }

    @Test("The same request again names the same run")
    func sameRequest() throws {
        let shard = ShardHarness()
        _ = try self.worked(shard)
        let runID = try self.reset(shard, at: 4)
        #expect(try self.reset(shard, at: 4) == runID)
        #expect(shard.store.runs.count == 2)
    }

    @Test("A timer started before the point still fires when it would have")
    func timers() throws {
        let shard = ShardHarness()
        _ = try self.worked(shard)
        shard.wait(.seconds(30))
        let runID = try self.reset(shard, at: 9)
        try self.work(shard, [])
        shard.wait(.seconds(29))
        #expect(try shard.events(runID).last?.eventType == .workflowTaskCompleted)
        shard.wait(.seconds(1))
        #expect(try shard.events(runID).map(\.eventType).contains(.timerFired))
    }

    @Test("An activity that waits is handed out again; one whose start is written has failed")
    func activities() throws {
        let shard = ShardHarness()
        let base = try shard.start()
        try self.work(shard, [.activity("a"), .activity("b")])
        try shard.signal("s")
        let task = try shard.takeActivity()
        _ = try shard.call(
            .respondActivityCompleted(
                .token(task.token), result: nil, worker: TaskWorker(identity: "w")))
        // 8 signaled or scheduled, then started, completed: the point is between the two.
        let events = try shard.events(base)
        let closed = try #require(events.first { $0.eventType == .activityTaskCompleted })
        shard.handedOver = []
        let runID = try self.reset(shard, at: closed.eventID)
        let types = try shard.events(runID).map(\.eventType)
        #expect(
            types.suffix(4) == [
                .workflowTaskStarted, .workflowTaskFailed, .activityTaskFailed,
                .workflowTaskScheduled,
            ])
        let activities = shard.handedOver.filter { $0.queue.type == .activity }
        #expect(activities.map(\.scheduledEventID) == [6])
        #expect(activities.first?.run.runID == runID)
    }

    @Test(
        "What is excluded is not taken over",
        arguments: [
            [Temporal_Api_Enums_V1_ResetReapplyExcludeType.signal],
            [.signal, .update, .nexus, .cancelRequest],
        ])
    func excluded(types: [Temporal_Api_Enums_V1_ResetReapplyExcludeType]) throws {
        let shard = ShardHarness()
        _ = try self.worked(shard)
        let runID = try self.reset(shard, at: 4) { $0.resetReapplyExcludeTypes = types }
        #expect(try !shard.history(runID).contains("Signaled"))
    }

    @Test("Signals come along from the runs that continued the one that is reset")
    func chain() throws {
        let shard = ShardHarness()
        let base = try shard.start()
        try shard.signal("first")
        try self.work(shard, [.continueAsNew()])
        shard.wait(.seconds(2))
        try shard.signal("second")
        try self.work(shard, [.continueAsNew()])
        shard.wait(.seconds(2))
        _ = try shard.takeWorkflowTask()
        try shard.signal("third")
        let runID = try self.reset(shard, at: 4) { $0.workflowExecution.runID = base.rawValue }
        let names = try shard.events(runID).compactMap {
            $0.eventType == .workflowExecutionSignaled
                ? $0.workflowExecutionSignaledEventAttributes.signalName : nil
        }
        #expect(names == ["first", "second", "third"])
        #expect(try self.info(shard, base).resetRunID == runID.rawValue)
    }

    @Test("Requests that come while history is read wait their turn")
    func waiting() throws {
        let shard = ShardHarness()
        _ = try self.worked(shard)
        shard.holdsLoads = true
        let reset = shard.send(self.operation(at: 4))
        let signal = shard.send(shard.signalOperation("late"))
        #expect(shard.replies[reset] == nil && shard.replies[signal] == nil)
        shard.holdsLoads = false
        shard.releaseLoads()
        guard case .success(.reset(let runID)) = shard.replies[reset] else {
            Issue.record("\(String(describing: shard.replies[reset]))")
            return
        }
        let signals = try shard.events(runID).filter { $0.eventType == .workflowExecutionSignaled }
        #expect(signals.count == 2)
    }

    @Test("A caller that leaves while history is read changes nothing")
    func canceled() throws {
        let shard = ShardHarness()
        _ = try self.worked(shard)
        shard.holdsLoads = true
        let reset = shard.send(self.operation(at: 4))
        let signal = shard.send(shard.signalOperation("late"))
        shard.cancel(reset)
        shard.holdsLoads = false
        shard.releaseLoads()
        #expect(shard.replies[signal] != nil)
        #expect(shard.store.runs.count == 1)
    }

    @Test("A history of many pages is read a page at a time")
    func pages() throws {
        let shard = ShardHarness()
        let base = try shard.start()
        try self.work(shard, (0..<2_500).map { .marker("m\($0)") })
        try shard.signal("s")
        _ = try shard.takeWorkflowTask()
        let last = Int64(try shard.events(base).count)
        let runID = try self.reset(shard, at: last)
        #expect(try shard.events(runID).count == Int(last) + 2)
        let size = try self.info(shard, runID).historySize
        let stored = (shard.store.history[shard.key(runID, "w")] ?? []).reduce(0) {
            $0 + $1.events.count
        }
        #expect(size == Int64(stored))
    }

    @Test("The new run's time begins with the reset")
    func limits() throws {
        let shard = ShardHarness()
        _ = try shard.start { $0.workflowRunTimeout = Duration.seconds(50).proto }
        try self.work(shard, [])
        shard.wait(.seconds(40))
        let runID = try self.reset(shard, at: 4)
        shard.wait(.seconds(49))
        #expect(try self.info(shard, runID).status == .running)
        shard.wait(.seconds(2))
        #expect(try self.info(shard, runID).status == .timedOut)
    }
}
