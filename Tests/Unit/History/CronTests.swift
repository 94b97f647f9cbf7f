import HistoryCore
import Primitives
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct CronTests {
    /// One hour before the first slot of `0 * * * *` that matters; the harness begins at 1970-01-01.
    private func hourly(
        configure: (inout StartBody) -> Void = { _ in }
    ) throws -> (ShardHarness, RunID) {
        let shard = ShardHarness()
        let runID = try shard.start {
            $0.cronSchedule = "0 * * * *"
            configure(&$0)
        }
        return (shard, runID)
    }

    private func started(
        _ shard: ShardHarness
    ) throws -> Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes {
        try #require(try shard.events().first).workflowExecutionStartedEventAttributes
    }

    @Test("The first run waits until the schedule is due")
    func firstRun() throws {
        let (shard, _) = try self.hourly()
        // 1,000 s into the first hour of 1970.
        #expect(try self.started(shard).firstWorkflowTaskBackoff.seconds == 2_600)
        #expect(try self.started(shard).initiator == .cronSchedule)
        #expect(shard.handedOver.isEmpty)
        shard.wait(.seconds(2_600))
        #expect(shard.handedOver.count == 1)
    }

    @Test("Each run gets the last result, and the failure of the one before")
    func handsOn() throws {
        let (shard, first) = try self.hourly()
        shard.wait(.seconds(2_600))
        try shard.work(.complete("one"))
        let second = try self.started(shard)
        #expect(second.continuedExecutionRunID == first.rawValue)
        #expect(second.firstExecutionRunID == first.rawValue)
        #expect(second.lastCompletionResult.texts == ["one"])
        #expect(second.firstWorkflowTaskBackoff.seconds == 3_600)
        let closed = try shard.lastEvent(.workflowExecutionCompleted, in: first)
        #expect(
            closed.workflowExecutionCompletedEventAttributes.newExecutionRunID
                == shard.currentRun().rawValue)
        shard.wait(.seconds(3_600))
        try shard.work(.fail(.application("two")))
        let third = try self.started(shard)
        #expect(third.lastCompletionResult.texts == ["one"])
        #expect(third.continuedFailure.message == "two")
        #expect(third.attempt == 1)
    }

    @Test("A run that overran skips the turns it missed")
    func overrun() throws {
        let (shard, _) = try self.hourly()
        shard.wait(.seconds(2_600 + 3 * 3_600 + 600))
        try shard.work(.complete())
        #expect(try self.started(shard).firstWorkflowTaskBackoff.seconds == 3_000)
    }

    @Test("A retry comes before the schedule's turn")
    func retry() throws {
        let (shard, first) = try self.hourly { $0.retryPolicy = .attempts(2) }
        shard.wait(.seconds(2_600))
        try shard.work(.fail())
        #expect(try self.started(shard).initiator == .retry)
        #expect(
            try shard.lastEvent(.workflowExecutionFailed, in: first)
                .workflowExecutionFailedEventAttributes.retryState == .inProgress)
        shard.wait(.seconds(2))
        try shard.work(.fail())
        #expect(try self.started(shard).initiator == .cronSchedule)
        #expect(try self.started(shard).attempt == 1)
    }

    @Test("A run timeout is followed by the next turn, an execution timeout by nothing")
    func timeouts() throws {
        let (shard, first) = try self.hourly {
            $0.workflowRunTimeout = Duration.seconds(60).proto
            $0.workflowExecutionTimeout = Duration.seconds(7_000).proto
        }
        shard.wait(.seconds(2_600 + 60))
        let next = try self.started(shard)
        #expect(next.initiator == .cronSchedule)
        #expect(next.continuedFailure.timeoutFailureInfo.timeoutType == .startToClose)
        #expect(next.firstWorkflowTaskBackoff.seconds == 3_540)
        let run = shard.currentRun()
        #expect(run != first)
        shard.wait(.seconds(86_400))
        #expect(shard.currentRun() != first)
        #expect(
            try shard.lastEvent(.workflowExecutionTimedOut)
                .workflowExecutionTimedOutEventAttributes.retryState == .timeout)
    }

    @Test("Cancel and terminate end the chain")
    func ends() throws {
        for isCanceled in [true, false] {
            let (shard, first) = try self.hourly()
            shard.wait(.seconds(2_600))
            if isCanceled { try shard.work(.cancelRun) } else { try shard.terminate() }
            shard.handedOver = []
            shard.wait(.seconds(7_200))
            #expect(shard.currentRun() == first)
            #expect(shard.handedOver.isEmpty)
        }
    }

    @Test("A restart in the wait loses nothing")
    func restart() throws {
        let (shard, _) = try self.hourly()
        shard.wait(.seconds(2_600))
        try shard.work(.complete("one"))
        shard.restart()
        shard.wait(.seconds(3_600))
        try shard.work(.complete("two"))
        #expect(try self.started(shard).lastCompletionResult.texts == ["two"])
        try HistoryRules.check(shard, "after three runs")
    }
}
