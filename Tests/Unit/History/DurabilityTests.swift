import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct DurabilityTests {
    @Test("Nothing is said or handed out before it is durable")
    func repliesWait() throws {
        let shard = ShardHarness()
        shard.holdsCommits = true
        let start = shard.send(.startWorkflowExecution(shard.startBody()))
        let describe = shard.send(.describe(runID: ""))
        #expect(shard.replies[start] == nil)
        #expect(shard.replies[describe] == nil)
        #expect(shard.handedOver.isEmpty)
        shard.releaseCommits()
        #expect(shard.replies[start] != nil)
        #expect(shard.replies[describe] != nil)
        #expect(shard.handedOver.count == 1)
    }

    @Test("Who calls while the store is away hears of it after one attempt to reach it")
    func storeAway() throws {
        let shard = ShardHarness()
        shard.acquisitionFailures = 2
        shard.restart()
        let early = shard.send(.startWorkflowExecution(shard.startBody()))
        #expect(shard.replies[early] == nil)
        shard.wait(.milliseconds(500))
        guard case .failure(let error) = shard.replies[early] else {
            Issue.record("\(String(describing: shard.replies[early]))")
            return
        }
        #expect(error.kind == .shardUnavailable(ShardID(1)))
        let patient = shard.send(.startWorkflowExecution(shard.startBody()))
        shard.wait(.milliseconds(500))
        guard case .success = shard.replies[patient] else {
            Issue.record("\(String(describing: shard.replies[patient]))")
            return
        }
        #expect(shard.store.runs.count == 1)
    }

    @Test("What arrives while a batch is written makes the next one, all in one")
    func groupCommit() throws {
        let shard = ShardHarness()
        try shard.start()
        shard.holdsCommits = true
        var ids: [HistoryShard.RequestID] = []
        for number in 0..<100 {
            let id = WorkflowID("w\(number)")
            ids.append(
                shard.send(
                    .startWorkflowExecution(shard.startBody { $0.workflowID = id.rawValue }), to: id
                ))
            ids.append(shard.send(shard.signalOperation("go"), to: id))
        }
        #expect(shard.heldBatches.count == 1)
        let commits = shard.commitCount
        shard.releaseCommits()
        #expect(shard.commitCount == commits + 1)
        #expect(ids.allSatisfy { shard.replies[$0] != nil })
        #expect(shard.store.runs.count == 101)
    }

    @Test("Each transition is one commit when there is nothing to share it with")
    func counters() throws {
        let shard = ShardHarness()
        let before = shard.counters
        try shard.start()
        try shard.work(.activity(), .timer("t", after: .seconds(3)))
        let task = try shard.takeActivity()
        try shard.heartbeat(task, "x")
        try shard.completeActivity(task)
        shard.wait(.seconds(3))
        try shard.work(.complete())
        // Start, task started and completed, activity started, heartbeat, completed, timer, task
        // started and completed.
        #expect(shard.counters.transitions - before.transitions == 9)
        #expect(shard.counters.transitionCommits - before.transitionCommits == 9)
        #expect(shard.counters.runLoads == before.runLoads + 1)
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
        #expect(shard.counters.maintenanceCommits <= 2)
    }

    @Test(
        "A commit that fails is forgotten by everyone",
        arguments: [
            StoreError.unavailable("disk"), .conditionFailed("?"), .ownershipLost,
        ])
    func failedCommit(error: StoreError) throws {
        let shard = ShardHarness()
        try shard.start()
        shard.commitFaults = [.refused(error)]
        let refusal = shard.refusal(shard.signalOperation("lost", requestID: "one"))
        #expect(refusal?.kind == .shardUnavailable(ShardID(1)))
        #expect(shard.reports.count == 1)
        shard.wait(.seconds(1))
        #expect(try shard.events().count == 2)
        try shard.signal("again", requestID: "one")
        #expect(try shard.history(after: 2) == "3 WorkflowExecutionSignaled")
        #expect(try shard.takeWorkflowTask().history.events.count == 4)
    }

    @Test("A commit whose outcome is unknown may have happened; retries find out")
    func unknownOutcome() throws {
        let shard = ShardHarness()
        shard.commitFaults = [.unknownThoughWritten]
        let body = shard.startBody()
        #expect(shard.refusal(.startWorkflowExecution(body))?.kind == .shardUnavailable(ShardID(1)))
        #expect(shard.handedOver.isEmpty)
        shard.wait(.seconds(1))
        #expect(shard.handedOver.count == 1)
        guard case .started(let response) = try shard.call(.startWorkflowExecution(body)) else {
            throw UnexpectedReply()
        }
        #expect(response.runID == shard.currentRun().rawValue)
        #expect(try shard.events().count == 2)
    }

    @Test("Requests that arrive before the shard is ready are answered when it is")
    func earlyRequests() throws {
        let shard = ShardHarness()
        shard.commitFaults = [.refused(.unavailable("disk"))]
        shard.send(.startWorkflowExecution(shard.startBody()))
        let early = shard.send(.startWorkflowExecution(shard.startBody()))
        #expect(shard.replies[early] == nil)
        shard.wait(.seconds(1))
        #expect(try #require(shard.replies[early]).get().isStarted)
    }

    @Test("A read from before a reload is not believed")
    func lateReads() throws {
        let shard = ShardHarness { $0.shardCacheSizeMax = 0 }
        try shard.start()
        shard.holdsLoads = true
        shard.send(.describe(runID: ""))
        shard.commitFaults = [.refused(.unavailable("disk"))]
        shard.send(.startWorkflowExecution(shard.startBody { $0.workflowID = "x" }), to: "x")
        shard.releaseLoads()
        shard.wait(.seconds(1))
        shard.holdsLoads = false
        shard.releaseLoads()
        #expect(shard.isServing)
        #expect(try shard.describe().workflowExecutionInfo.status == .running)
    }

    @Test("A restart in the middle of everything loses nothing")
    func restart() throws {
        let shard = ShardHarness()
        try shard.start { $0.workflowRunTimeout = Duration.seconds(90).proto }
        try shard.work(
            .activity("retried"), .activity("running"), .activity("waiting"),
            .timer("t", after: .seconds(20)))
        try shard.failActivity(try shard.takeActivity(), .application("one"))
        let running = try shard.takeActivity()
        try shard.heartbeat(running, "half")
        try shard.signal("go")
        let task = try shard.takeWorkflowTask()
        try shard.signal("buffered")
        shard.restart()
        let waiting = try shard.takeActivity()
        #expect(waiting.activityID == "waiting")
        shard.wait(.seconds(1))
        let retried = try shard.takeActivity()
        #expect(retried.attempt == 2)
        #expect(
            try shard.describe().pendingActivities.first { $0.activityID == "running" }?
                .heartbeatDetails.texts == ["half"])
        try shard.completeActivity(running)
        try shard.complete(task)
        #expect(
            try shard.history(after: 8) == """
                9 WorkflowExecutionSignaled
                10 WorkflowTaskScheduled
                11 WorkflowTaskStarted
                12 WorkflowTaskCompleted
                13 WorkflowExecutionSignaled
                14 ActivityTaskStarted
                15 ActivityTaskCompleted
                16 WorkflowTaskScheduled
                """)
        shard.restart()
        let next = try shard.takeWorkflowTask()
        shard.restart()
        shard.wait(.seconds(19))
        #expect(try shard.history(after: 17).contains("TimerFired"))
        shard.restart()
        shard.wait(.seconds(90))
        #expect(try shard.describe().workflowExecutionInfo.status == .timedOut)
        #expect(shard.refusal(try shard.completion(of: next, []))?.kind == .notFound)
    }

    @Test("Tasks that matching did not take are handed out by the next process")
    func undispatchedTasks() throws {
        let shard = ShardHarness()
        shard.matchingRefusal = { _ in .unavailable("down") }
        try shard.start()
        try shard.start("other")
        shard.restart()
        #expect(shard.handedOver.isEmpty)
        shard.matchingRefusal = { _ in nil }
        shard.restart()
        #expect(shard.handedOver.map(\.run.workflowID) == ["w", "other"])
        try shard.work(.complete())
        try shard.work(.complete())
        shard.restart()
        #expect(shard.handedOver.isEmpty)
    }

    @Test("A task that matching does not take is offered again")
    func matchingRetries() throws {
        let shard = ShardHarness()
        var refusals = 3
        shard.matchingRefusal = { _ in
            refusals -= 1
            return refusals >= 0 ? .unavailable("busy") : nil
        }
        try shard.start()
        #expect(shard.handedOver.isEmpty)
        shard.wait(.seconds(5))
        #expect(shard.handedOver.count == 1)
    }

    @Test("With no room in its cache a shard still does everything")
    func tinyCache() throws {
        let shard = ShardHarness { $0.shardCacheSizeMax = 0 }
        for number in 0..<5 {
            let id = WorkflowID("w\(number)")
            try shard.start(id)
            try shard.work(.activity(), .timer("t", after: .seconds(2)))
            try shard.completeActivity(try shard.takeActivity())
            try shard.work()
            #expect(shard.counters.cachedRuns == 0)
        }
        shard.wait(.seconds(2))
        for _ in 0..<5 { try shard.work(.complete()) }
        for number in 0..<5 {
            #expect(
                try shard.history(nil, WorkflowID("w\(number)")).hasSuffix(
                    """
                    12 TimerFired
                    13 WorkflowTaskScheduled
                    14 WorkflowTaskStarted
                    15 WorkflowTaskCompleted
                    16 WorkflowExecutionCompleted
                    """))
        }
        #expect(shard.counters.cachedBytes == 0)
    }

    @Test("Runs that are only looked at leave the cache, too")
    func readsAreEvicted() throws {
        let shard = ShardHarness { $0.shardCacheSizeMax = 40_000 }
        for number in 0..<50 { try shard.start(WorkflowID("w\(number)")) }
        for number in 0..<50 { _ = try shard.describe(of: WorkflowID("w\(number)")) }
        #expect(shard.counters.cachedBytes <= 40_000)
        #expect(shard.counters.cachedRuns > 0)
    }

    @Test("A run whose stored state cannot be read is lost alone")
    func corruptRun() throws {
        let shard = ShardHarness { $0.shardCacheSizeMax = 0 }
        let bad = try shard.start("bad")
        try shard.start("good")
        let write = RunWrite(
            key: shard.key(bad, "bad"), expectedVersion: 1, version: 2,
            nextTimerAt: shard.now + .seconds(1), info: [0xff], upsertedItems: [:], deletedItems: []
        )
        var batch = ShardBatch()
        batch.runs = [write]
        try shard.store.commit(batch, range: RangeID(shard.store.range))
        #expect(shard.refusal(.describe(runID: ""), to: "bad")?.kind == .dataLoss)
        #expect(try shard.describe(of: "good").workflowExecutionInfo.status == .running)
        shard.restart()
        shard.wait(.seconds(3))
        #expect(shard.isServing)
    }

    @Test("A shard takes in so many requests at a time only")
    func requestLimit() throws {
        let shard = ShardHarness { $0.shardRequestsMax = 2 }
        shard.holdsCommits = true
        for _ in 0..<2 { shard.send(.startWorkflowExecution(shard.startBody())) }
        let refusal = shard.refusal(.describe(runID: ""))
        #expect(refusal?.kind == .resourceExhausted(cause: .systemOverloaded, scope: .system))
    }

    @Test("A shard that has stopped refuses everything")
    func stopped() throws {
        let shard = ShardHarness()
        try shard.start()
        let waiting = shard.send(
            .getHistory(
                .with {
                    $0.waitNewEvent = true
                    $0.historyEventFilterType = .closeEvent
                }, showsUnwritten: false))
        shard.feed(.stopped)
        guard case .failure(let error) = shard.replies[waiting] else { throw UnexpectedReply() }
        #expect(error.kind == .shardUnavailable(ShardID(1)))
        #expect(shard.refusal(.describe(runID: ""))?.kind == .shardUnavailable(ShardID(1)))
        #expect(shard.nextDeadline == nil)
    }

    @Test("A caller who goes away is forgotten")
    func cancellation() throws {
        let shard = ShardHarness()
        try shard.start()
        let waiting = shard.send(
            .getHistory(
                .with {
                    $0.waitNewEvent = true
                    $0.historyEventFilterType = .closeEvent
                }, showsUnwritten: false))
        shard.cancel(waiting)
        shard.holdsCommits = true
        let signal = shard.send(shard.signalOperation("go"))
        shard.cancel(signal)
        shard.holdsCommits = false
        shard.releaseCommits()
        try shard.terminate()
        #expect(shard.replies[waiting] == nil)
        #expect(shard.replies[signal] == nil)
        #expect(try shard.history(after: 2).hasPrefix("3 WorkflowExecutionSignaled"))
    }
}

extension HistoryReply {
    fileprivate var isStarted: Bool {
        if case .started = self { true } else { false }
    }
}
