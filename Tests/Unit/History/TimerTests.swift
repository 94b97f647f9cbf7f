import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct TimerTests {
    @Test("Timers fire in order, those of one moment together")
    func fire() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(
            .timer("late", after: .seconds(9)), .timer("b", after: .seconds(5)),
            .timer("a", after: .seconds(5)), .timer("now", after: .zero))
        shard.wait(.zero)
        #expect(try shard.history(after: 8) == "9 TimerFired\n10 WorkflowTaskScheduled")
        try shard.work()
        let commits = shard.commitCount
        shard.wait(.seconds(5))
        #expect(shard.commitCount == commits + 1)
        let fired = try shard.events().filter { $0.eventType == .timerFired }
            .map(\.timerFiredEventAttributes)
        #expect(fired.map(\.timerID) == ["now", "b", "a"])
        #expect(fired.map(\.startedEventID) == [8, 6, 7])
        #expect(
            try shard.history(after: 12) == "13 TimerFired\n14 TimerFired\n15 WorkflowTaskScheduled"
        )
    }

    @Test("A cancelled timer never fires")
    func cancel() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.timer("t", after: .seconds(5)))
        try shard.signal("stop")
        try shard.work(.cancelTimer("t"))
        shard.wait(.seconds(10))
        #expect(try shard.history(after: 8) == "9 WorkflowTaskCompleted\n10 TimerCanceled")
        let canceled = try shard.lastEvent(.timerCanceled).timerCanceledEventAttributes
        #expect(canceled.startedEventID == 5)
        #expect(canceled.identity == "worker")
    }

    @Test("Cancelling a timer takes a firing back that its worker has not seen")
    func cancelBufferedFiring() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.timer("t", after: .seconds(5)))
        try shard.signal("stop")
        let task = try shard.takeWorkflowTask()
        shard.wait(.seconds(6))
        try shard.complete(task, .cancelTimer("t"), .complete())
        #expect(
            try shard.history(after: 8) == """
                9 WorkflowTaskCompleted
                10 TimerCanceled
                11 WorkflowExecutionCompleted
                """)
    }

    @Test("A firing that waits frees the timer's name")
    func restartOfBufferedFiring() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.timer("t", after: .seconds(5)))
        try shard.signal("go")
        let task = try shard.takeWorkflowTask()
        shard.wait(.seconds(6))
        try shard.complete(task, .timer("t", after: .seconds(5)))
        #expect(
            try shard.history(after: 8) == """
                9 WorkflowTaskCompleted
                10 TimerStarted
                11 TimerFired
                12 WorkflowTaskScheduled
                """)
        #expect(try shard.lastEvent(.timerFired).timerFiredEventAttributes.startedEventID == 5)
    }

    @Test("Timers beyond what a shard keeps in memory fire all the same")
    func beyondWindow() throws {
        let shard = ShardHarness { $0.shardTimersMax = 3 }
        let count = 20
        for number in 1...count {
            let id = WorkflowID("w\(number)")
            try shard.start(id)
            // Interleaved, so that neither early nor late ones are set first.
            try shard.work(.timer("t", after: .seconds((number * 7) % count + 1)))
        }
        var fired = 0
        for second in 1...count {
            shard.wait(.seconds(1))
            fired += shard.handedOver.count
            for task in shard.handedOver {
                #expect(
                    (Int(task.run.workflowID.rawValue.dropFirst()) ?? 0) * 7 % count + 1 == second)
            }
            while !shard.handedOver.isEmpty { try shard.work(.complete()) }
        }
        #expect(fired == count)
    }

    @Test("A timer set while a page of timers is being read is not lost", arguments: [0, 1])
    func setWhileLoading(evicts: Int) throws {
        let shard = ShardHarness {
            $0.shardTimersMax = 1
            if evicts == 1 { $0.shardCacheSizeMax = 0 }
        }
        for number in 1...4 {
            try shard.start(WorkflowID("w\(number)"))
            try shard.work(.timer("t", after: .seconds(10 * number)))
        }
        try shard.start("late") { $0.workflowTaskTimeout = Duration.seconds(100).proto }
        let task = try shard.takeWorkflowTask()
        shard.holdsLoads = true
        shard.wait(.seconds(20))
        shard.holdsLoads = false
        // The page that is under way was read before this.
        shard.send(
            try shard.completion(of: task, [.timer("t", after: .seconds(100))]), to: "late")
        shard.releaseLoads()
        shard.wait(.seconds(200))
        #expect(try shard.history(nil, "late").hasSuffix("6 TimerFired\n7 WorkflowTaskScheduled"))
        for number in 1...4 {
            #expect(try shard.history(nil, WorkflowID("w\(number)")).contains("6 TimerFired"))
        }
    }

    @Test("A timer does not get lost while another run of its workflow is read")
    func timerDuringLoad() throws {
        let shard = ShardHarness { $0.shardCacheSizeMax = 0 }
        let first = try shard.start()
        try shard.work(.complete())
        try shard.start()
        try shard.work(.timer("t", after: .seconds(5)))
        shard.holdsLoads = true
        shard.send(.describe(runID: first))
        shard.wait(.seconds(5))
        shard.holdsLoads = false
        shard.releaseLoads()
        #expect(try shard.history(after: 5) == "6 TimerFired\n7 WorkflowTaskScheduled")
    }

    @Test("Many due runs are read a few at a time, and removed in batches of a few")
    func dueInPortions() throws {
        let shard = ShardHarness {
            $0.shardTimerLoadsMax = 3
            $0.deletedRunsPerCommitMax = 2
            $0.shardCacheSizeMax = 0
        }
        let count = 10
        for number in 1...count {
            try shard.start(WorkflowID("w\(number)"))
            try shard.work(.complete())
        }
        let commits = shard.commitCount
        shard.holdsLoads = true
        shard.now = shard.now + testNamespace.retention + .seconds(7_200)
        shard.feed(.tick)
        #expect(shard.heldLoadCount == 3)
        if let next = shard.nextDeadline { #expect(next > shard.now) }
        shard.holdsLoads = false
        shard.releaseLoads()
        shard.wait(.seconds(1))
        #expect(shard.store.runs.isEmpty)
        #expect(shard.commitCount - commits >= count / 2)
        #expect(shard.deletedRunsPerCommit.max() == 2)
        #expect(shard.deletedRunsPerCommit.reduce(0, +) == count)
    }
}
