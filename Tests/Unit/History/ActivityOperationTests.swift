import DynamicConfig
import HistoryCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// What operators do to pending activities.
@Suite struct ActivityOperationTests {
    private let shard: ShardHarness

    init() throws {
        self.shard = ShardHarness()
        try self.shard.start()
        try self.shard.work(.activity("a"))
    }

    @discardableResult
    private func change(
        _ change: ActivityChange, _ selection: ActivitySelection = .id("a")
    ) throws -> Temporal_Api_Activity_V1_ActivityOptions {
        guard
            case .activitiesChanged(let options) = try self.shard.call(
                .changeActivities(runID: "", selection, change))
        else { throw UnexpectedReply() }
        return options
    }

    private func pause(_ requestID: String = "one") throws {
        try self.change(.pause(identity: "op", reason: "", requestID: requestID))
    }

    private func pending() throws -> Temporal_Api_Workflow_V1_PendingActivityInfo {
        try #require(try self.shard.describe().pendingActivities.first)
    }

    private static let unpause = ActivityChange.unpause(
        resetsAttempts: false, resetsHeartbeat: false, jitter: .zero)
    private static let reset = ActivityChange.reset(
        resetsHeartbeat: false, keepsPaused: false, restoresOptions: false, jitter: .zero)

    @Test("A task that matching had before the pause is refused, the one after it is not")
    func oldTask() throws {
        let old = try #require(self.shard.handedOver.last)
        self.shard.handedOver.removeLast()
        try self.pause()
        #expect(
            self.shard.refusal(.recordActivityTaskStarted(self.shard.activityStart(of: old)))?.kind
                == .obsoleteTask)
        try self.change(Self.unpause)
        #expect(
            self.shard.refusal(.recordActivityTaskStarted(self.shard.activityStart(of: old)))?.kind
                == .obsoleteTask)
        try self.shard.completeActivity(try self.shard.takeActivity())
        #expect(try self.shard.history(after: 6).hasPrefix("7 ActivityTaskCompleted"))
    }

    @Test("Nothing is due while an activity is paused; a restart does not change that")
    func noDeadlines() throws {
        try self.pause()
        self.shard.wait(.seconds(1_000))
        self.shard.restart()
        self.shard.wait(.seconds(1_000))
        #expect(try self.pending().state == .paused)
        #expect(try self.shard.history(after: 5).isEmpty)
        try self.change(Self.unpause)
        self.shard.wait(.zero)
        #expect(try self.shard.history(after: 5).hasPrefix("6 ActivityTaskTimedOut"))
    }

    @Test("A repeated request pauses once, another one is refused")
    func pausedTwice() throws {
        try self.pause("one")
        try self.pause("one")
        let refusal = self.shard.refusal(
            .changeActivities(
                runID: "", .id("a"), .pause(identity: "", reason: "", requestID: "two")))
        #expect(refusal?.kind == .failedPrecondition)
    }

    @Test("A jitter spreads the next attempts over its length", arguments: [0, 1, 60])
    func jitter(seconds: Int) throws {
        try self.pause()
        self.shard.handedOver = []
        try self.change(
            .unpause(
                resetsAttempts: false, resetsHeartbeat: false, jitter: .seconds(seconds)))
        #expect(self.shard.handedOver.isEmpty == (seconds > 0))
        self.shard.wait(.seconds(seconds))
        #expect(self.shard.handedOver.count == 1)
    }

    @Test("A running attempt goes on through a reset, and is told of it once")
    func resetWhileRunning() throws {
        try self.shard.failActivity(try self.shard.takeActivity())
        self.shard.wait(.seconds(1))
        let task = try self.shard.takeActivity()
        #expect(task.attempt == 2)
        try self.change(Self.reset)
        let beat = HistoryOperation.recordActivityHeartbeat(.token(try task.token), details: nil)
        guard case .activityHeartbeat(let told) = try self.shard.call(beat) else {
            throw UnexpectedReply()
        }
        #expect(told.activityReset)
        try self.shard.failActivity(task)
        self.shard.wait(.seconds(1))
        let next = try self.shard.takeActivity()
        #expect(next.attempt == 2)
        guard
            case .activityHeartbeat(let again) = try self.shard.call(
                .recordActivityHeartbeat(.token(try next.token), details: nil))
        else { throw UnexpectedReply() }
        #expect(!again.activityReset)
    }

    @Test("An update that cannot be leaves every selected activity as it was")
    func allOrNothing() throws {
        let before = try self.pending()
        let refusal = self.shard.refusal(
            .changeActivities(
                runID: "", .all,
                .update(
                    .with { $0.heartbeatTimeout.seconds = -1 }, fields: ["heartbeatTimeout"])))
        #expect(refusal?.kind == .invalidArgument)
        #expect(try self.pending() == before)
    }

    @Test("Pause info comes and goes with what is paused, without events")
    func pauseInfo() throws {
        func attribute() throws -> Temporal_Api_Common_V1_Payload? {
            try self.shard.describe().workflowExecutionInfo.searchAttributes
                .indexedFields["TemporalPauseInfo"]
        }
        try self.pause()
        #expect(try attribute()?.data == .init(#"["property:activityType=Work"]"#.utf8))
        self.shard.restart()
        #expect(try attribute() != nil)
        try self.change(Self.unpause)
        #expect(try attribute() == nil)
        #expect(try self.shard.history(after: 5).isEmpty)
    }

    @Test("An eager activity is started by the worker that scheduled it, once")
    func eager() throws {
        try self.shard.signal("go")
        let task = try self.shard.takeWorkflowTask()
        let completion = try self.shard.completion(
            of: task, [.activity("b") { $0.requestEagerExecution = true }])
        guard case .workflowTaskCompleted(let response) = try self.shard.call(completion) else {
            throw UnexpectedReply()
        }
        let eager = try #require(response.activityTasks.first)
        #expect(eager.activityID == "b" && eager.attempt == 1)
        #expect(!self.shard.handedOver.contains { $0.scheduledEventID > 5 })
        try self.shard.completeActivity(eager)
        let started = try self.shard.lastEvent(.activityTaskStarted)
            .activityTaskStartedEventAttributes
        #expect(started.identity == "worker" && isUUID(started.requestID))
    }

    @Test("Between attempts at most the beginning of a failure is kept")
    func truncation() throws {
        let long = String(repeating: "ä", count: 5_000)
        try self.shard.failActivity(try self.shard.takeActivity(), .application(long))
        let kept = try self.pending().lastFailure
        #expect(kept.message == "Failure exceeds size limit.")
        #expect(!kept.serverFailureInfo.nonRetryable)
        #expect((3_900...4_096).contains(kept.cause.message.utf8.count))
        #expect(kept.cause.message.allSatisfy { $0 == "ä" })
    }
}

@Suite struct RetryPolicyRulesTests {
    typealias Policy = Temporal_Api_Common_V1_RetryPolicy

    static let flawed: [(Policy, String)] = [
        (.with { $0.initialInterval.seconds = -1 }, "invalid InitialInterval"),
        (.with { $0.maximumInterval.nanos = -1 }, "invalid MaximumInterval"),
        (.with { $0.backoffCoefficient = 0.9 }, "BackoffCoefficient"),
        (.with { $0.backoffCoefficient = .nan }, "BackoffCoefficient"),
        (.with { $0.maximumInterval.nanos = 1 }, "MaximumInterval cannot be less"),
        (.with { $0.maximumAttempts = -1 }, "MaximumAttempts"),
        (.with { $0.nonRetryableErrorTypes = ["TemporalTimeout:Late"] }, "Invalid timeout type"),
    ]

    @Test("What makes no sense is named, unless nothing is ever retried", arguments: flawed)
    func flaws(policy: Policy, text: String) {
        #expect(policy.flaw?.hasPrefix(text) == true)
        var once = policy
        once.maximumAttempts = 1
        #expect(policy.maximumAttempts == -1 || once.flaw == nil)
    }

    @Test("Unset fields get their defaults")
    func defaults() {
        let policy = Policy.with { $0.initialInterval.seconds = 3 }
        #expect(policy.flaw == nil)
        #expect(policy.withDefaults.maximumInterval.seconds == 300)
        #expect(policy.withDefaults.backoffCoefficient == 2)
        #expect(Policy().withDefaults.initialInterval.seconds == 1)
    }
}
