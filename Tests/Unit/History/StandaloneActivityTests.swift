import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct StandaloneActivityTests {
    private typealias TimeoutType = Temporal_Api_Enums_V1_TimeoutType

    @Test("An activity is started, taken and completed, one commit each")
    func life() throws {
        let shard = ShardHarness()
        let (runID, isNew) = try shard.startActivity { $0.input = .text("in") }
        #expect(isNew && shard.commitCount == 1)
        let dispatch = try #require(shard.handedOver.first)
        #expect(dispatch.run == shard.activityKey() && dispatch.run.runID == runID)
        #expect(dispatch.queue.type == .activity && dispatch.queue.name == "q")
        let task = try shard.takeStandalone()
        #expect(task.activityID == "a" && task.activityRunID == runID.rawValue)
        #expect(task.input == .text("in") && !task.hasWorkflowExecution)
        try shard.finish(task, "out")
        #expect(shard.counters.transitions == 3 && shard.counters.transitionCommits == 3)
        #expect(try shard.outcome().result == .text("out"))
        #expect(shard.store.visibility[shard.activityKey()]?.closeAt == shard.now)
        try ActivityRules.check(shard, "at the end")
    }

    @Test("It has ids of its own beside a workflow of the same id")
    func archetypes() throws {
        let shard = ShardHarness()
        try shard.start("a")
        let (runID, _) = try shard.startActivity()
        #expect(shard.currentRun("a") != runID && shard.activityKey().runID == runID)
        shard.restart()
        #expect(try shard.describeActivity().runID == runID.rawValue)
        #expect(shard.refusal(.describe(runID: runID), to: "a")?.kind == .notFound)
        let workflowRun = shard.currentRun("a")
        let body = Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest.with {
            $0.runID = workflowRun.rawValue
        }
        #expect(
            shard.refusal(ofActivity: .describe(body))
                == .notFound("activity not found for ID: a"))
    }

    @Test("Nothing is said or handed over before it is durable")
    func durability() throws {
        let shard = ShardHarness()
        shard.holdsCommits = true
        let start = shard.send(
            .standaloneActivity(.start(shard.activityBody())), to: "a", of: .activity)
        let poll = shard.send(.standaloneActivity(.poll(.init())), to: "a", of: .activity)
        let describe = shard.send(.standaloneActivity(.describe(.init())), to: "a", of: .activity)
        let terminate = shard.send(
            .standaloneActivity(.terminate(.init())), to: "a", of: .activity)
        for request in [start, poll, describe, terminate] { #expect(shard.replies[request] == nil) }
        #expect(shard.handedOver.isEmpty)
        shard.releaseCommits()
        for request in [start, poll, describe, terminate] { #expect(shard.replies[request] != nil) }
        #expect(shard.commitCount == 2)
    }

    @Test("A failed commit forgets it, and the caller may try again")
    func failedCommit() throws {
        let shard = ShardHarness()
        shard.commitFaults = [.refused(.unavailable("disk"))]
        let body = shard.activityBody()
        let refusal = shard.refusal(ofActivity: .start(body))
        guard case .shardUnavailable = refusal?.kind else { throw UnexpectedReply() }
        shard.wait(.seconds(1))
        #expect(shard.refusal(ofActivity: .describe(.init()))?.kind == .notFound)
        shard.commitFaults = [.unknownThoughWritten]
        #expect(shard.refusal(ofActivity: .start(body)) != nil)
        shard.wait(.seconds(1))
        let reply = try shard.ask(.start(body))
        guard case .standaloneActivity(.started(let response)) = reply else {
            throw UnexpectedReply()
        }
        #expect(!response.started && response.runID == shard.activityKey().runID.rawValue)
    }

    // MARK: Ids

    @Test("A start that was made before is answered with the same run")
    func sameRequest() throws {
        let shard = ShardHarness()
        let first = try shard.startActivity { $0.requestID = "r" }
        let again = try shard.startActivity { $0.requestID = "r" }
        #expect(first.isNew && !again.isNew && first.runID == again.runID)
        try shard.finish(try shard.takeStandalone())
        #expect(try shard.startActivity { $0.requestID = "r" }.runID == first.runID)
    }

    @Test("A running activity is in the way, unless it is to be used")
    func conflict() throws {
        let shard = ShardHarness()
        let (runID, _) = try shard.startActivity { $0.requestID = "r" }
        let taken = ServiceError(
            .activityExecutionAlreadyStarted(startRequestID: "r", runID: runID),
            "activity execution already started")
        #expect(shard.refusal(ofActivity: .start(shard.activityBody())) == taken)
        let found = try shard.startActivity { $0.idConflictPolicy = .useExisting }
        #expect(found.runID == runID && !found.isNew)
        #expect(shard.counters.transitions == 1)
    }

    @Test(
        "The reuse policy decides about the id of a closed activity",
        arguments: [
            (Temporal_Api_Enums_V1_ActivityIdReusePolicy.allowDuplicate, true, true),
            (.allowDuplicateFailedOnly, false, true), (.rejectDuplicate, false, false),
        ])
    func reuse(
        _ policy: Temporal_Api_Enums_V1_ActivityIdReusePolicy, afterSuccess: Bool,
        afterFailure: Bool
    ) throws {
        for succeeds in [true, false] {
            let shard = ShardHarness()
            let old = try shard.startActivity { $0.retryPolicy.maximumAttempts = 1 }
            let task = try shard.takeStandalone()
            if succeeds { try shard.finish(task) } else { try shard.failStandalone(task) }
            shard.restart()
            let refusal = shard.refusal(
                ofActivity: .start(shard.activityBody { $0.idReusePolicy = policy }))
            let isAllowed = succeeds ? afterSuccess : afterFailure
            #expect((refusal == nil) == isAllowed)
            #expect((shard.activityKey().runID == old.runID) == !isAllowed)
        }
    }

    @Test("Links are attached once per request, and not without end")
    func links() throws {
        let shard = ShardHarness { $0.activityLinksMax = 3 }
        let link = Temporal_Api_Common_V1_Link.with { $0.batchJob.jobID = "j" }
        func body(_ requestID: String, _ count: Int) -> StartActivityBody {
            shard.activityBody {
                $0.requestID = requestID
                $0.links = Array(repeating: link, count: count)
                $0.idConflictPolicy = .useExisting
                $0.onConflictOptions.attachLinks = true
            }
        }
        _ = try shard.ask(.start(body("1", 1)))
        for _ in 0..<2 { _ = try shard.ask(.start(body("2", 2))) }
        #expect(try shard.describeActivity().info.links.count == 3)
        #expect(
            shard.refusal(ofActivity: .start(body("3", 1)))?.message
                == "cannot attach more than 3 links to an activity (3 links already attached)")
        try shard.finish(try shard.takeStandalone())
        #expect(shard.refusal(ofActivity: .start(body("2", 2))) == nil)
    }

    // MARK: Attempts

    @Test("An attempt is taken once; the same poll gets the same answer")
    func takenOnce() throws {
        let shard = ShardHarness()
        try shard.startActivity()
        let dispatch = try #require(shard.handedOver.first)
        let first = try shard.takeStandalone(dispatch, requestID: "p")
        #expect(try shard.takeStandalone(dispatch, requestID: "p") == first)
        let other = HistoryOperation.recordActivityTaskStarted(shard.activityStart(of: dispatch))
        #expect(shard.refusal(other, to: "a", of: .activity)?.kind == .taskAlreadyStarted)
        try shard.finish(first)
        #expect(shard.refusal(other, to: "a", of: .activity)?.kind == .obsoleteTask)
    }

    @Test("A failed attempt is followed by another one after the back-off, across a restart")
    func retry() throws {
        let shard = ShardHarness()
        try shard.startActivity()
        let first = try shard.takeStandalone()
        try shard.report(first) { .recordActivityHeartbeat($0, details: .text("half")) }
        try shard.failStandalone(first)
        let info = try shard.describeActivity().info
        #expect(info.attempt == 2 && info.runState == .scheduled)
        #expect(info.currentRetryInterval == Duration.seconds(1).proto)
        #expect(info.lastFailure.message == "no" && info.hasLastStartedTime)
        shard.restart()
        shard.handedOver = []
        shard.wait(.milliseconds(999))
        #expect(shard.handedOver.isEmpty)
        shard.wait(.milliseconds(1))
        let second = try shard.takeStandalone()
        #expect(second.attempt == 2 && second.heartbeatDetails == .text("half"))
        for report: (ActivityReference) -> HistoryOperation in [
            { .recordActivityHeartbeat($0, details: nil) },
            { .respondActivityCompleted($0, result: nil, worker: TaskWorker(identity: "")) },
            { .respondActivityCanceled($0, details: nil, worker: TaskWorker(identity: "")) },
        ] {
            let token = try StoredTaskToken(serializedBytes: first.taskToken)
            #expect(
                shard.refusal(report(.token(token)), to: "a", of: .activity)
                    == .notFound("activity not found for ID: a"))
        }
        try shard.finish(second)
    }

    @Test("A start delay shifts everything but the schedule time")
    func startDelay() throws {
        let shard = ShardHarness()
        try shard.startActivity {
            $0.startDelay = Duration.seconds(5).proto
            $0.scheduleToStartTimeout = Duration.seconds(2).proto
            $0.scheduleToCloseTimeout = Duration.seconds(20).proto
        }
        let begin = shard.now
        let info = try shard.describeActivity().info
        #expect(info.executionTime == (begin + .seconds(5)).proto)
        #expect(info.expirationTime == (begin + .seconds(25)).proto)
        #expect(info.nextAttemptScheduleTime == info.executionTime && !info.hasCurrentRetryInterval)
        shard.wait(.seconds(4))
        #expect(shard.handedOver.isEmpty)
        shard.wait(.seconds(1))
        #expect(shard.handedOver.first?.expiresAt == begin + .seconds(7))
        shard.wait(.seconds(2))
        let outcome = try shard.outcome()
        #expect(outcome.failure.timeoutFailureInfo.timeoutType == .scheduleToStart)
        #expect(outcome.retryState == .timeout)
    }

    @Test("The attempt's timeouts are retried while there is time")
    func attemptTimeouts() throws {
        for type in [TimeoutType.startToClose, .heartbeat] {
            let shard = ShardHarness()
            try shard.startActivity {
                $0.scheduleToCloseTimeout = Duration.seconds(15).proto
                if type == .heartbeat { $0.heartbeatTimeout = Duration.seconds(5).proto }
                $0.retryPolicy.initialInterval = Duration.seconds(3).proto
            }
            let patience = Duration.seconds(type == .heartbeat ? 5 : 10)
            try shard.report(try shard.takeStandalone()) {
                .recordActivityHeartbeat($0, details: .text("half"))
            }
            shard.wait(patience)
            #expect(try shard.describeActivity().info.attempt == 2)
            shard.wait(.seconds(3))
            try shard.takeStandalone()
            shard.wait(patience)
            let outcome = try shard.outcome(), failure = outcome.failure
            #expect(failure.timeoutFailureInfo.timeoutType == .scheduleToClose)
            #expect(failure.cause.timeoutFailureInfo.timeoutType == type)
            #expect(failure.timeoutFailureInfo.lastHeartbeatDetails == .text("half"))
            #expect(outcome.retryState == .timeout)
            #expect(try shard.describeActivity().info.status == .timedOut)
        }
    }

    @Test("Schedule-to-close ends whatever is going on")
    func scheduleToClose() throws {
        for isCancelRequested in [false, true] {
            let shard = ShardHarness()
            try shard.startActivity {
                $0.scheduleToCloseTimeout = Duration.seconds(8).proto
            }
            try shard.takeStandalone()
            if isCancelRequested { _ = try shard.ask(.requestCancel(.with { $0.requestID = "c" })) }
            shard.restart()
            shard.wait(.seconds(8))
            let outcome = try shard.outcome()
            #expect(outcome.failure.timeoutFailureInfo.timeoutType == .scheduleToClose)
            #expect(outcome.retryState == (isCancelRequested ? .cancelRequested : .timeout))
        }
    }

    // MARK: Ends

    @Test("A cancel request ends an activity at once, or with its worker's answer")
    func cancel() throws {
        let shard = ShardHarness()
        let request = StandaloneActivityOperation.requestCancel(
            .with {
                $0.requestID = "c"
                $0.reason = "enough"
                $0.identity = "me"
            })
        try shard.startActivity()
        _ = try shard.ask(request)
        #expect(try shard.outcome().failure.canceledFailureInfo.identity == "me")
        let stale = HistoryOperation.recordActivityTaskStarted(
            shard.activityStart(of: try #require(shard.handedOver.last)))
        #expect(shard.refusal(stale, to: "a", of: .activity)?.kind == .obsoleteTask)

        try shard.startActivity()
        let task = try shard.takeStandalone()
        _ = try shard.ask(request)
        _ = try shard.ask(request)
        #expect(try shard.describeActivity().info.runState == .cancelRequested)
        let reply = try shard.report(task) { .recordActivityHeartbeat($0, details: nil) }
        guard case .activityHeartbeat(let beat) = reply else { throw UnexpectedReply() }
        #expect(beat.cancelRequested)
        try shard.report(task) {
            .respondActivityCanceled(
                $0, details: .text("ok"), worker: TaskWorker(identity: "worker"))
        }
        #expect(try shard.outcome().failure.canceledFailureInfo.details == .text("ok"))
    }

    @Test("A deleted activity leaves nothing, and its id is free at once")
    func delete() throws {
        let shard = ShardHarness()
        let (runID, _) = try shard.startActivity()
        let key = shard.activityKey()
        let waiting = shard.send(.standaloneActivity(.poll(.init())), to: "a", of: .activity)
        shard.holdsCommits = true
        let deletion = shard.send(.standaloneActivity(.delete(runID: "")), to: "a", of: .activity)
        // The store still has it, but it is gone for everybody who asks now.
        let late = shard.send(
            .standaloneActivity(.start(shard.activityBody())), to: "a", of: .activity)
        #expect(shard.replies[waiting] == nil && shard.replies[deletion] == nil)
        shard.releaseCommits()
        guard
            case .success(.standaloneActivity(.polled(let polled))) = shard.replies[waiting],
            case .success(.done) = shard.replies[deletion],
            case .success(.standaloneActivity(.started(let next))) = shard.replies[late]
        else { throw UnexpectedReply() }
        #expect(polled.outcome.failure.message == "Delete activity execution")
        #expect(next.started && next.runID != runID.rawValue)
        #expect(shard.store.runs[key] == nil && shard.store.visibility[key] == nil)
        shard.holdsCommits = false
        shard.restart()
        #expect(shard.refusal(ofActivity: .delete(runID: runID))?.kind == .notFound)
        #expect(try shard.describeActivity().runID == next.runID)
    }

    @Test("A closed activity is removed when its retention is over")
    func retention() throws {
        let shard = ShardHarness()
        try shard.startActivity()
        try shard.finish(try shard.takeStandalone())
        let key = shard.activityKey()
        shard.restart()
        shard.wait(.seconds(86_399))
        #expect(shard.store.runs[key] != nil)
        shard.wait(.seconds(1))
        #expect(shard.store.runs[key] == nil)
        #expect(shard.refusal(ofActivity: .poll(.init()))?.kind == .notFound)
        #expect(shard.counters.cachedRuns == 0 && shard.counters.cachedBytes == 0)
    }

    // MARK: Waits

    @Test("A poll ends in time for its caller, and leaves nothing behind")
    func pollExpires() throws {
        let shard = ShardHarness { $0.shardCacheSizeMax = 0 }
        try shard.startActivity { $0.startToCloseTimeout = Duration.seconds(3_600).proto }
        let poll = StandaloneActivityOperation.poll(.init())
        let short = shard.send(
            .standaloneActivity(poll), to: "a", of: .activity, deadline: shard.now + .seconds(10))
        let long = shard.send(.standaloneActivity(poll), to: "a", of: .activity)
        let gone = shard.send(.standaloneActivity(poll), to: "a", of: .activity)
        shard.cancel(gone)
        shard.wait(.seconds(9))
        guard case .success(.standaloneActivity(.polled(let empty))) = shard.replies[short] else {
            throw UnexpectedReply()
        }
        #expect(!empty.hasOutcome && empty.runID.isEmpty && shard.replies[long] == nil)
        shard.wait(.seconds(51))
        #expect(shard.replies[long] != nil && shard.replies[gone] == nil)
        #expect(shard.nextDeadline == nil || shard.nextDeadline! > shard.now)
    }

    @Test("Whoever has seen a state is told of the next one")
    func changes() throws {
        let shard = ShardHarness()
        try shard.startActivity()
        let seen = try shard.describeActivity()
        let body = Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest.with {
            $0.runID = seen.runID
            $0.longPollToken = seen.longPollToken
        }
        let waiting = shard.send(.standaloneActivity(.describe(body)), to: "a", of: .activity)
        #expect(shard.replies[waiting] == nil)
        try shard.takeStandalone()
        guard case .success(.standaloneActivity(.described(let next))) = shard.replies[waiting]
        else { throw UnexpectedReply() }
        #expect(next.info.runState == .started)
        #expect(next.info.stateTransitionCount == seen.info.stateTransitionCount + 1)
        _ = try shard.ask(.describe(body))
        try shard.startActivity("b")
        #expect(
            shard.refusal(ofActivity: .describe(body.with { $0.runID = "" }), "b")?.message
                == "long poll token does not match execution")
        #expect(
            shard.refusal(ofActivity: .describe(body.with { $0.longPollToken = Data([255]) }))?
                .message == "invalid long poll token")
    }
}

extension Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest {
    fileprivate func with(_ change: (inout Self) -> Void) -> Self {
        var changed = self
        change(&changed)
        return changed
    }
}
