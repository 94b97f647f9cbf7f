import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ActivityTests {
    /// A run whose first workflow task has scheduled the activity.
    private func scheduled(
        configure: (inout ActivityAttributes) -> Void = { _ in }
    ) throws -> ShardHarness {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.activity("a", configure: configure))
        return shard
    }

    @Test("An activity completes; its started event is written when it does")
    func completes() throws {
        let shard = try self.scheduled { $0.heartbeatTimeout = Duration.seconds(7).proto }
        let task = try shard.takeActivity()
        #expect(try shard.history(after: 4) == "5 ActivityTaskScheduled")
        #expect(task.activityID == "a")
        #expect(task.input.texts == ["input"])
        #expect(task.attempt == 1)
        #expect(task.heartbeatTimeout == Duration.seconds(7).proto)
        #expect(task.startToCloseTimeout == Duration.seconds(100).proto)
        #expect(task.workflowType.name == "Flow")
        try shard.completeActivity(task)
        #expect(
            try shard.history(after: 4) == """
                5 ActivityTaskScheduled
                6 ActivityTaskStarted
                7 ActivityTaskCompleted
                8 WorkflowTaskScheduled
                """)
        let completed = try shard.lastEvent(.activityTaskCompleted)
            .activityTaskCompletedEventAttributes
        #expect(completed.startedEventID == 6)
        #expect(completed.scheduledEventID == 5)
        #expect(completed.result.texts == ["result"])
        let late = shard.refusal(
            .respondActivityCompleted(
                .token(try task.token), result: nil, worker: TaskWorker(identity: "")))
        #expect(late?.kind == .notFound)
        #expect(try shard.describe().pendingActivities.isEmpty)
    }

    @Test("A poll that repeats itself gets the same activity, another one does not")
    func startedOnce() throws {
        let shard = try self.scheduled()
        let dispatch = try #require(shard.handedOver.first)
        let task = try shard.takeActivity(dispatch, requestID: "one")
        #expect(try shard.takeActivity(dispatch, requestID: "one") == task)
        let other = shard.activityStart(of: dispatch, requestID: "two")
        #expect(shard.refusal(.recordActivityTaskStarted(other))?.kind == .taskAlreadyStarted)
    }

    @Test("A failed attempt is retried after its back-off, without events")
    func retries() throws {
        let shard = try self.scheduled { $0.retryPolicy = .attempts(3, coefficient: 2) }
        let first = try shard.takeActivity()
        try shard.failActivity(first, .application("one"))
        #expect(shard.handedOver.isEmpty)
        let pending = try #require(try shard.describe().pendingActivities.first)
        #expect(pending.attempt == 2)
        #expect(pending.state == .scheduled)
        #expect(pending.lastFailure.message == "one")
        #expect(pending.currentRetryInterval == Duration.seconds(1).proto)
        #expect(pending.nextAttemptScheduleTime == (shard.now + .seconds(1)).proto)
        #expect(pending.lastWorkerIdentity == "worker")
        shard.wait(.milliseconds(999))
        #expect(shard.handedOver.isEmpty)
        shard.wait(.milliseconds(1))
        let second = try shard.takeActivity()
        #expect(second.attempt == 2)
        let stale = shard.refusal(
            .respondActivityCompleted(
                .token(try first.token), result: nil, worker: TaskWorker(identity: "")))
        #expect(stale?.kind == .notFound)
        try shard.failActivity(second, .application("two"))
        shard.wait(.seconds(2))
        try shard.failActivity(try shard.takeActivity(), .application("three"))
        #expect(
            try shard.history(after: 4) == """
                5 ActivityTaskScheduled
                6 ActivityTaskStarted
                7 ActivityTaskFailed
                8 WorkflowTaskScheduled
                """)
        let started = try shard.lastEvent(.activityTaskStarted).activityTaskStartedEventAttributes
        #expect(started.attempt == 3)
        #expect(started.lastFailure.message == "two")
        let failed = try shard.lastEvent(.activityTaskFailed).activityTaskFailedEventAttributes
        #expect(failed.failure.message == "three")
        #expect(failed.retryState == .maximumAttemptsReached)
    }

    @Test(
        "A failure that may not be retried ends the activity",
        arguments: [
            Failure.application("x", nonRetryable: true), .application("x", type: "Final"),
            .with { $0.canceledFailureInfo = .init() },
            .with { $0.terminatedFailureInfo = .init() },
        ])
    func nonRetryable(failure: Failure) throws {
        let shard = try self.scheduled { $0.retryPolicy.nonRetryableErrorTypes = ["Final"] }
        try shard.failActivity(try shard.takeActivity(), failure)
        let failed = try shard.lastEvent(.activityTaskFailed).activityTaskFailedEventAttributes
        #expect(failed.retryState == .nonRetryableFailure)
    }

    @Test("The application may choose when to try again")
    func nextRetryDelay() throws {
        let shard = try self.scheduled {
            $0.retryPolicy.maximumInterval = Duration.seconds(2).proto
        }
        var failure = Failure.application("later")
        failure.applicationFailureInfo.nextRetryDelay = Duration.seconds(30).proto
        try shard.failActivity(try shard.takeActivity(), failure)
        shard.wait(.seconds(29))
        #expect(shard.handedOver.isEmpty)
        shard.wait(.seconds(1))
        #expect(try shard.takeActivity().attempt == 2)
    }

    struct TimeoutCase: Sendable {
        let name: String
        let type: Temporal_Api_Enums_V1_TimeoutType
        let isStarted: Bool
        let after: Duration
        let retryState: RetryState
        let message: String
        let configure: @Sendable (inout ActivityAttributes) -> Void
    }

    static let noTime =
        "Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying"
    static let timeouts = [
        TimeoutCase(
            name: "schedule to start", type: .scheduleToStart, isStarted: false,
            after: .seconds(5), retryState: .timeout, message: "activity ScheduleToStart timeout"
        ) { $0.scheduleToStartTimeout = Duration.seconds(5).proto },
        TimeoutCase(
            name: "start to close", type: .startToClose, isStarted: true, after: .seconds(6),
            retryState: .maximumAttemptsReached, message: "activity StartToClose timeout"
        ) {
            $0.startToCloseTimeout = Duration.seconds(6).proto
            $0.retryPolicy = .attempts(1)
        },
        TimeoutCase(
            name: "heartbeat", type: .heartbeat, isStarted: true, after: .seconds(3),
            retryState: .nonRetryableFailure, message: "activity Heartbeat timeout"
        ) {
            $0.heartbeatTimeout = Duration.seconds(3).proto
            $0.retryPolicy.nonRetryableErrorTypes = ["TemporalTimeout:Heartbeat"]
        },
        TimeoutCase(
            name: "no time for another attempt", type: .scheduleToClose, isStarted: true,
            after: .seconds(60), retryState: .timeout, message: noTime
        ) {
            $0.startToCloseTimeout = Duration.seconds(60).proto
            $0.retryPolicy = .attempts(0, every: .seconds(50))
        },
    ]

    @Test("Each kind of timeout ends an activity that is not tried again", arguments: timeouts)
    func timesOut(_ trial: TimeoutCase) throws {
        let shard = try self.scheduled(configure: trial.configure)
        if trial.isStarted { _ = try shard.takeActivity() }
        shard.wait(trial.after - .milliseconds(1))
        #expect(try shard.history(after: 5) == "")
        shard.wait(.milliseconds(1))
        #expect(
            try shard.history(after: 5)
                == (trial.isStarted
                    ? "6 ActivityTaskStarted\n7 ActivityTaskTimedOut\n8 WorkflowTaskScheduled"
                    : "6 ActivityTaskTimedOut\n7 WorkflowTaskScheduled"))
        let timedOut = try shard.lastEvent(.activityTaskTimedOut)
            .activityTaskTimedOutEventAttributes
        #expect(timedOut.failure.timeoutFailureInfo.timeoutType == trial.type)
        #expect(timedOut.failure.message == trial.message)
        #expect(timedOut.retryState == trial.retryState)
        #expect(timedOut.startedEventID == (trial.isStarted ? 6 : 0))
    }

    @Test("An attempt that times out is retried, and the next one knows why")
    func timeoutIsRetried() throws {
        let shard = try self.scheduled {
            $0.startToCloseTimeout = Duration.seconds(5).proto
            $0.retryPolicy = .attempts(2)
        }
        _ = try shard.takeActivity()
        shard.wait(.seconds(6))
        #expect(
            try shard.describe().pendingActivities.first?.lastFailure.timeoutFailureInfo.timeoutType
                == .startToClose)
        _ = try shard.takeActivity()
        shard.wait(.seconds(5))
        let timedOut = try shard.lastEvent(.activityTaskTimedOut)
            .activityTaskTimedOutEventAttributes
        #expect(timedOut.retryState == .maximumAttemptsReached)
        #expect(timedOut.failure.cause.message == "activity StartToClose timeout")
    }

    @Test("Time may run out while the next attempt waits; the real failure is then the cause")
    func scheduleToCloseUnstarted() throws {
        let shard = try self.scheduled { $0.retryPolicy = .attempts(0, every: .seconds(60)) }
        let task = try shard.takeActivity()
        shard.wait(.seconds(30))
        try shard.failActivity(task, .application("real"))
        shard.wait(.seconds(70))
        #expect(try shard.history(after: 5) == "6 ActivityTaskTimedOut\n7 WorkflowTaskScheduled")
        let timedOut = try shard.lastEvent(.activityTaskTimedOut)
            .activityTaskTimedOutEventAttributes
        #expect(timedOut.failure.message == Self.noTime)
        #expect(timedOut.failure.timeoutFailureInfo.timeoutType == .scheduleToClose)
        #expect(timedOut.failure.cause.message == "real")
        #expect(timedOut.retryState == .timeout)
    }

    @Test("Heartbeats keep an activity alive, and their details survive attempts")
    func heartbeats() throws {
        let shard = try self.scheduled { $0.heartbeatTimeout = Duration.seconds(3).proto }
        let task = try shard.takeActivity()
        for step in 1...4 {
            shard.wait(.seconds(2))
            #expect(!(try shard.heartbeat(task, "step \(step)")))
        }
        #expect(try shard.describe().pendingActivities.first?.heartbeatDetails.texts == ["step 4"])
        shard.wait(.seconds(4))
        let second = try shard.takeActivity()
        #expect(second.attempt == 2)
        #expect(second.heartbeatDetails.texts == ["step 4"])
        try shard.failActivity(second)
        shard.wait(.seconds(2))
        #expect(try shard.takeActivity().heartbeatDetails.texts == ["step 4"])
    }

    @Test("What a worker says with its failure is what the next attempt gets")
    func detailsWithFailure() throws {
        let shard = try self.scheduled()
        let task = try shard.takeActivity()
        try shard.call(
            .respondActivityFailed(
                .token(try task.token), failure: .application("x"),
                lastHeartbeatDetails: .text("last words"), worker: TaskWorker(identity: "worker")))
        shard.wait(.seconds(1))
        #expect(try shard.takeActivity().heartbeatDetails.texts == ["last words"])
    }

    @Test("The details of the last heartbeat are in the timeout")
    func detailsInTimeout() throws {
        let shard = try self.scheduled {
            $0.heartbeatTimeout = Duration.seconds(3).proto
            $0.retryPolicy = .attempts(1)
        }
        try shard.heartbeat(try shard.takeActivity(), "half")
        shard.wait(.seconds(3))
        let timedOut = try shard.lastEvent(.activityTaskTimedOut)
            .activityTaskTimedOutEventAttributes
        #expect(timedOut.failure.timeoutFailureInfo.lastHeartbeatDetails.texts == ["half"])
    }

    @Test("An activity no worker has is cancelled at once")
    func cancelUnstarted() throws {
        let shard = try self.scheduled()
        try shard.signal("stop")
        try shard.work(.cancelActivity(5))
        #expect(
            try shard.history(after: 8) == """
                9 WorkflowTaskCompleted
                10 ActivityTaskCancelRequested
                11 ActivityTaskCanceled
                12 WorkflowTaskScheduled
                """)
        let canceled = try shard.lastEvent(.activityTaskCanceled)
            .activityTaskCanceledEventAttributes
        #expect(canceled.latestCancelRequestedEventID == 10)
        #expect(canceled.startedEventID == 0)
        #expect(canceled.identity == "worker")
        #expect(canceled.details.texts == ["\"ACTIVITY_ID_NOT_STARTED\""])
        let dispatch = try #require(shard.handedOver.first { $0.queue.type == .activity })
        let start = shard.activityStart(of: dispatch)
        #expect(shard.refusal(.recordActivityTaskStarted(start))?.kind == .obsoleteTask)
    }

    @Test("A run may close in the same task that cancels an activity no worker has")
    func cancelUnstartedAndClose() throws {
        let shard = try self.scheduled()
        try shard.signal("stop")
        try shard.work(.cancelActivity(5), .complete())
        #expect(
            try shard.history(after: 8) == """
                9 WorkflowTaskCompleted
                10 ActivityTaskCancelRequested
                11 WorkflowExecutionCompleted
                """)
    }

    @Test("A worker hears of the cancellation with its heartbeat and agrees")
    func cancelStarted() throws {
        let shard = try self.scheduled()
        let task = try shard.takeActivity()
        let early = shard.refusal(
            .respondActivityCanceled(
                .token(try task.token), details: nil, worker: TaskWorker(identity: "")))
        #expect(early?.kind == .invalidArgument)
        try shard.signal("stop")
        try shard.work(.cancelActivity(5))
        #expect(try shard.describe().pendingActivities.first?.state == .cancelRequested)
        #expect(try shard.heartbeat(task, "still here"))
        try shard.call(
            .respondActivityCanceled(
                .token(try task.token), details: .text("bye"),
                worker: TaskWorker(identity: "worker")))
        #expect(
            try shard.history(after: 9) == """
                10 ActivityTaskCancelRequested
                11 ActivityTaskStarted
                12 ActivityTaskCanceled
                13 WorkflowTaskScheduled
                """)
        let canceled = try shard.lastEvent(.activityTaskCanceled)
            .activityTaskCanceledEventAttributes
        #expect(canceled.startedEventID == 11)
        #expect(canceled.latestCancelRequestedEventID == 10)
    }

    @Test("An activity that was asked to cancel is not tried again")
    func cancelRequestedIsNotRetried() throws {
        let shard = try self.scheduled()
        let task = try shard.takeActivity()
        try shard.signal("stop")
        try shard.work(.cancelActivity(5))
        try shard.failActivity(task)
        let failed = try shard.lastEvent(.activityTaskFailed).activityTaskFailedEventAttributes
        #expect(failed.retryState == .cancelRequested)
    }

    @Test("Cancelling an activity whose end waits in the buffer is history all the same")
    func cancelEnded() throws {
        let shard = try self.scheduled()
        let task = try shard.takeActivity()
        try shard.signal("stop")
        let workflowTask = try shard.takeWorkflowTask()
        try shard.completeActivity(task)
        try shard.complete(workflowTask, .cancelActivity(5))
        #expect(
            try shard.history(after: 8) == """
                9 WorkflowTaskCompleted
                10 ActivityTaskCancelRequested
                11 ActivityTaskStarted
                12 ActivityTaskCompleted
                13 WorkflowTaskScheduled
                """)
    }

    @Test("Cancelling during the back-off ends the activity at once")
    func cancelBackingOff() throws {
        let shard = try self.scheduled()
        try shard.failActivity(try shard.takeActivity())
        try shard.signal("stop")
        try shard.work(.cancelActivity(5))
        #expect(
            try shard.history(after: 9)
                == "10 ActivityTaskCancelRequested\n11 ActivityTaskCanceled\n12 WorkflowTaskScheduled"
        )
        shard.wait(.seconds(200))
        #expect(!shard.handedOver.contains { $0.queue.type == .activity })
    }

    @Test("An activity may be completed by its id, even before a worker took it")
    func completedByID() throws {
        let shard = try self.scheduled()
        let reference = ActivityReference.id(runID: "", activityID: "a")
        #expect(shard.refusal(.recordActivityHeartbeat(reference, details: nil))?.kind == .notFound)
        #expect(
            shard.refusal(
                .respondActivityFailed(
                    reference, failure: .application("x"), lastHeartbeatDetails: nil,
                    worker: TaskWorker(identity: ""))
            )?.kind == .notFound)
        try shard.call(
            .respondActivityCompleted(
                reference, result: .text("by hand"), worker: TaskWorker(identity: "operator")))
        #expect(
            try shard.history(after: 5)
                == "6 ActivityTaskStarted\n7 ActivityTaskCompleted\n8 WorkflowTaskScheduled")
        #expect(
            try shard.lastEvent(.activityTaskStarted).activityTaskStartedEventAttributes.identity
                == "operator")
        let unknown = shard.refusal(
            .respondActivityCompleted(reference, result: nil, worker: TaskWorker(identity: "")))
        #expect(
            unknown?.message.hasPrefix("cannot find pending activity with ActivityID a") == true)
    }

    @Test("What an activity's priority leaves open is its run's")
    func priority() throws {
        let shard = ShardHarness()
        try shard.start {
            $0.priority.priorityKey = 2
            $0.priority.fairnessKey = "tenant"
        }
        try shard.work(.activity("a"), .activity("b") { $0.priority.priorityKey = 5 })
        #expect(shard.handedOver.map(\.priorityKey) == [2, 5])
        #expect(try shard.takeActivity().priority.fairnessKey == "tenant")
    }
}
