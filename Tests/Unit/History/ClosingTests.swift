import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ClosingTests {
    @Test("A request to cancel is an event, once; the run decides")
    func cancel() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work()
        try shard.requestCancel()
        try shard.requestCancel()
        #expect(
            try shard.history(after: 4)
                == "5 WorkflowExecutionCancelRequested\n6 WorkflowTaskScheduled")
        #expect(try shard.describe().workflowExtendedInfo.cancelRequested)
        try shard.work(.cancelRun)
        #expect(try shard.describe().workflowExecutionInfo.status == .canceled)
        try shard.requestCancel()
        #expect(shard.refusal(.requestCancel(.init()), to: "nobody")?.kind == .notFound)
    }

    @Test("Termination ends a run at once, after what was waiting")
    func terminate() throws {
        let shard = ShardHarness()
        try shard.start()
        let task = try shard.takeWorkflowTask()
        try shard.signal("go")
        try shard.terminate(reason: "why")
        #expect(
            try shard.history(after: 3) == """
                4 WorkflowTaskFailed
                5 WorkflowExecutionSignaled
                6 WorkflowExecutionTerminated
                """)
        #expect(
            try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes.cause
                == .forceCloseCommand)
        #expect(shard.refusal(try shard.completion(of: task, []))?.kind == .notFound)
        #expect(
            shard.refusal(.terminate(.init())) == .notFound("workflow execution already completed"))
    }

    @Test("A chain is named by its first run, wherever it has got to")
    func chains() throws {
        let shard = ShardHarness()
        let first = try shard.start()
        try shard.work(.continueAsNew())
        let wrong = shard.refusal(
            .terminate(.with { $0.firstExecutionRunID = shard.currentRun().rawValue }))
        #expect(wrong?.kind == .notFound)
        try shard.call(
            .terminate(
                .with {
                    $0.workflowExecution.runID = first.rawValue
                    $0.firstExecutionRunID = first.rawValue
                }))
        #expect(try shard.describe().workflowExecutionInfo.status == .terminated)
        #expect(try shard.describe(first).workflowExecutionInfo.status == .continuedAsNew)
    }

    @Test("Continuing as new closes the run and starts the next one in one commit")
    func continueAsNew() throws {
        let shard = ShardHarness()
        let first = try shard.start {
            $0.memo.fields["m"] = .init()
            $0.retryPolicy = .attempts(5)
            $0.workflowExecutionTimeout = Duration.seconds(1_000).proto
        }
        shard.wait(.seconds(2))
        let task = try shard.takeWorkflowTask()
        let commits = shard.commitCount
        try shard.complete(task, .continueAsNew { $0.workflowType.name = "Next" })
        #expect(shard.commitCount == commits + 1)
        let second = shard.currentRun()
        let closed = try shard.lastEvent(.workflowExecutionContinuedAsNew, in: first)
            .workflowExecutionContinuedAsNewEventAttributes
        #expect(closed.newExecutionRunID == second.rawValue)
        #expect(closed.initiator == .workflow)
        let started = try #require(try shard.events(second).first)
            .workflowExecutionStartedEventAttributes
        #expect(started.continuedExecutionRunID == first.rawValue)
        #expect(started.firstExecutionRunID == first.rawValue)
        #expect(started.originalExecutionRunID == second.rawValue)
        #expect(started.workflowType.name == "Next")
        #expect(started.taskQueue.name == "queue")
        #expect(started.input.texts == ["again"])
        #expect(started.attempt == 1)
        #expect(!started.hasMemo)
        #expect(started.workflowExecutionExpirationTime == (shard.now + .seconds(998)).proto)
        #expect(try shard.history(second) == "1 WorkflowExecutionStarted\n2 WorkflowTaskScheduled")
        #expect(shard.handedOver.map(\.run.runID) == [second])
    }

    @Test("A chain of short runs starts at most one run a second")
    func minimalInterval() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.continueAsNew())
        #expect(shard.handedOver.isEmpty)
        #expect(try shard.history() == "1 WorkflowExecutionStarted")
        shard.wait(.seconds(1))
        #expect(try shard.history() == "1 WorkflowExecutionStarted\n2 WorkflowTaskScheduled")
    }

    @Test("A failed run is tried again while its policy allows")
    func workflowRetry() throws {
        let shard = ShardHarness()
        let first = try shard.start { $0.retryPolicy = .attempts(2, every: .seconds(5)) }
        try shard.work(.fail())
        let second = shard.currentRun()
        #expect(second != first)
        let failed = try shard.lastEvent(.workflowExecutionFailed, in: first)
            .workflowExecutionFailedEventAttributes
        #expect(failed.retryState == .inProgress)
        #expect(failed.newExecutionRunID == second.rawValue)
        let started = try #require(try shard.events(second).first)
            .workflowExecutionStartedEventAttributes
        #expect(started.attempt == 2)
        #expect(started.initiator == .retry)
        #expect(started.continuedFailure.message == "boom")
        #expect(started.input.texts == ["input"])
        #expect(started.firstWorkflowTaskBackoff == Duration.seconds(5).proto)
        #expect(shard.handedOver.isEmpty)
        shard.wait(.seconds(5))
        try shard.work(.fail())
        #expect(shard.currentRun() == second)
        #expect(
            try shard.lastEvent(.workflowExecutionFailed).workflowExecutionFailedEventAttributes
                .retryState == .maximumAttemptsReached)
    }

    @Test("Without a policy a failure is the end")
    func noRetry() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.fail())
        let failed = try shard.lastEvent(.workflowExecutionFailed)
            .workflowExecutionFailedEventAttributes
        #expect(failed.retryState == .retryPolicyNotSet)
        #expect(failed.newExecutionRunID.isEmpty)
    }

    @Test("A run's time runs out, with its worker in the middle of something")
    func runTimeout() throws {
        let shard = ShardHarness()
        try shard.start { $0.workflowRunTimeout = Duration.seconds(5).proto }
        _ = try shard.takeWorkflowTask()
        try shard.signal("go")
        shard.wait(.seconds(5))
        #expect(
            try shard.history(after: 3) == """
                4 WorkflowTaskFailed
                5 WorkflowExecutionSignaled
                6 WorkflowExecutionTimedOut
                """)
        #expect(
            try shard.lastEvent(.workflowExecutionTimedOut).workflowExecutionTimedOutEventAttributes
                .retryState == .retryPolicyNotSet)
        #expect(try shard.describe().workflowExecutionInfo.status == .timedOut)
    }

    @Test("A run that timed out is tried again until the execution's time is up")
    func timeoutsAndRetries() throws {
        let shard = ShardHarness()
        let first = try shard.start {
            $0.workflowRunTimeout = Duration.seconds(4).proto
            $0.workflowExecutionTimeout = Duration.seconds(7).proto
            $0.retryPolicy = .attempts(0)
        }
        shard.wait(.seconds(4))
        let second = shard.currentRun()
        #expect(second != first)
        #expect(
            try shard.lastEvent(.workflowExecutionTimedOut, in: first)
                .workflowExecutionTimedOutEventAttributes.newExecutionRunID == second.rawValue)
        shard.wait(.seconds(3))
        #expect(shard.currentRun() == second)
        let timedOut = try shard.lastEvent(.workflowExecutionTimedOut)
        #expect(timedOut.workflowExecutionTimedOutEventAttributes.retryState == .timeout)
        #expect(
            timedOut.eventTime == (Timestamp(nanoseconds: 1_000_000_000_000) + .seconds(7)).proto)
    }

    @Test("What counts is how long the namespace keeps closed runs when the run closes")
    func retentionChanges() throws {
        let shard = ShardHarness()
        let runID = try shard.start()
        let longer = NamespaceReference(
            id: testNamespace.id, name: testNamespace.name, retention: testNamespace.retention * 3)
        let task = try shard.takeWorkflowTask()
        try shard.call(shard.completion(of: task, [.complete()]), in: longer)
        shard.wait(testNamespace.retention * 2)
        #expect(try shard.events(runID).last?.eventType == .workflowExecutionCompleted)
        shard.wait(testNamespace.retention)
        #expect(shard.refusal(.describe(runID: runID))?.kind == .notFound)
    }

    @Test("A closed run is removed with all it has when its retention is over")
    func retention() throws {
        let shard = ShardHarness()
        let runID = try shard.start()
        try shard.work(.activity(), .timer("t", after: .seconds(1)), .complete())
        shard.wait(testNamespace.retention - .seconds(1))
        #expect(try shard.describe().workflowExecutionInfo.status == .completed)
        shard.wait(.seconds(1))
        #expect(shard.store.runs.isEmpty)
        #expect(shard.store.history.isEmpty)
        #expect(shard.store.visibility.isEmpty)
        #expect(shard.store.currentRuns.isEmpty)
        #expect(shard.refusal(.describe(runID: runID))?.kind == .notFound)
        #expect(shard.nextDeadline == nil || shard.store.tasks.isEmpty)
    }

    @Test(
        "A workflow id can be used again while its old run is being removed",
        arguments: [false, true])
    func startWhileDeleting(isInFlight: Bool) throws {
        let shard = ShardHarness()
        let old = try shard.start()
        try shard.work(.complete())
        // Something else is being written, so that the removal waits for its turn; or not.
        shard.wait(testNamespace.retention - .seconds(1))
        shard.holdsCommits = true
        if !isInFlight {
            shard.send(.startWorkflowExecution(shard.startBody { $0.workflowID = "x" }), to: "x")
        }
        shard.wait(.seconds(1))
        let start = shard.send(.startWorkflowExecution(shard.startBody()))
        let describe = shard.send(.describe(runID: old))
        shard.holdsCommits = false
        shard.releaseCommits()
        #expect(shard.reports.isEmpty)
        guard case .success(.started(let response)) = shard.replies[start] else {
            throw UnexpectedReply()
        }
        #expect(shard.currentRun().rawValue == response.runID)
        guard case .failure(let error) = shard.replies[describe] else { throw UnexpectedReply() }
        #expect(error.kind == .notFound)
    }
}
