import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// Who wants to know how a workflow ended is told, when it has, at least once.
///
/// Rules are checked after every commit: callbacks follow from the events.
@Suite struct CallbackTests {
    private static func callback(
        _ name: String, header: [String: String] = [:]
    ) -> Temporal_Api_Common_V1_Callback {
        .with {
            $0.nexus.url = "http://receiver/\(name)"
            $0.nexus.header = header
        }
    }

    @discardableResult
    private func start(
        _ shard: ShardHarness, _ names: String...,
        configure: (inout StartBody) -> Void = { _ in }
    ) throws -> RunID {
        try shard.start {
            $0.completionCallbacks = names.map { Self.callback($0) }
            configure(&$0)
        }
    }

    private func callbacks(
        _ shard: ShardHarness, _ runID: RunID = ""
    ) throws -> [Temporal_Api_Workflow_V1_CallbackInfo] {
        try shard.describe(runID).callbacks
    }

    private func states(
        _ shard: ShardHarness, _ runID: RunID = ""
    ) throws -> [Temporal_Api_Enums_V1_CallbackState] {
        try self.callbacks(shard, runID).map(\.state)
    }

    // MARK: When

    @Test("A callback waits for the end and is delivered then, once")
    func completed() throws {
        let shard = ShardHarness()
        try self.start(shard, "a", "b")
        let waiting = try self.callbacks(shard)
        #expect(waiting.map(\.state) == [.standby, .standby])
        #expect(waiting.map(\.callback.nexus.url) == ["http://receiver/a", "http://receiver/b"])
        #expect(waiting[0].trigger.workflowClosed == .init())
        #expect(waiting[0].requestID == "start-1")
        #expect(waiting[0].registrationTime == shard.now.proto)
        #expect(shard.deliveries.isEmpty)

        try shard.work(.complete())
        #expect(shard.deliveries.map(\.delivery.url) == ["http://receiver/a", "http://receiver/b"])
        let done = try self.callbacks(shard)
        #expect(done.map(\.state) == [.succeeded, .succeeded])
        #expect(done.map(\.attempt) == [1, 1])
        #expect(done[0].lastAttemptCompleteTime == shard.now.proto)
        shard.restart()
        shard.wait(.seconds(7_200))
        #expect(shard.deliveries.count == 2)
        #expect(try shard.history().hasSuffix("5 WorkflowExecutionCompleted"))
    }

    static let ends: [(name: String, state: String, end: @Sendable (ShardHarness) throws -> Void)] =
        [
            ("completed", "succeeded", { try $0.work(.complete()) }),
            ("failed", "failed", { try $0.work(.fail()) }),
            (
                "canceled", "canceled",
                {
                    try $0.requestCancel()
                    try $0.work(.cancelRun)
                }
            ),
            ("terminated", "failed", { try $0.terminate(reason: "secret") }),
            ("timed out", "failed", { $0.wait(.seconds(31)) }),
        ]

    @Test("Every end is told of in the terms of the Nexus protocol", arguments: Self.ends)
    func everyEnd(
        _ end: (name: String, state: String, end: @Sendable (ShardHarness) throws -> Void)
    ) throws {
        let shard = ShardHarness()
        try self.start(shard, "a") { $0.workflowRunTimeout = Duration.seconds(30).proto }
        try end.end(shard)
        let delivery = try #require(shard.deliveries.first?.delivery)
        #expect(delivery.header("nexus-operation-state") == end.state)
        #expect(!delivery.text.contains("secret"))
        #expect(try self.states(shard) == [.succeeded])
    }

    @Test("A run that is retried hands its callbacks on, attached ones too")
    func retried() throws {
        let shard = ShardHarness()
        let first = try self.start(shard, "a") {
            $0.retryPolicy = .with {
                $0.initialInterval = Duration.seconds(5).proto
                $0.backoffCoefficient = 1
                $0.maximumAttempts = 2
            }
        }
        try self.attach(shard, "b")
        try shard.work(.fail())
        #expect(shard.deliveries.isEmpty)
        #expect(try self.states(shard, first) == [.standby, .standby])
        let second = shard.currentRun()
        let carried = try self.callbacks(shard, second)
        #expect(carried.map(\.callback.nexus.url) == ["http://receiver/a", "http://receiver/b"])
        #expect(carried.map(\.requestID) == [second.rawValue, second.rawValue])
        shard.wait(.seconds(6))
        try shard.work(.fail())
        #expect(shard.deliveries.count == 2)
        #expect(shard.deliveries[1].delivery.header("nexus-link").contains(second.rawValue))
        #expect(try self.states(shard, first) == [.standby, .standby])
    }

    @Test("Continue-as-new hands callbacks on")
    func continuedAsNew() throws {
        let shard = ShardHarness()
        try self.start(shard, "a")
        try shard.work(.continueAsNew())
        #expect(shard.deliveries.isEmpty)
        shard.wait(.seconds(2))
        try shard.work(.complete())
        #expect(shard.deliveries.count == 1)
    }

    @Test("The end of the first run of a cron schedule is what its callbacks wait for")
    func cron() throws {
        let shard = ShardHarness()
        try self.start(shard, "a") { $0.cronSchedule = "@every 10s" }
        shard.wait(.seconds(11))
        try shard.work(.complete())
        #expect(shard.deliveries.count == 1)
        #expect(try self.callbacks(shard).isEmpty)
        shard.wait(.seconds(11))
        try shard.work(.complete())
        #expect(shard.deliveries.count == 1)
    }

    @Test("A reset takes callbacks along; the run that it leaves tells nobody")
    func reset() throws {
        let shard = ShardHarness()
        let base = try self.start(shard, "a")
        try shard.work()
        try self.attach(shard, "b")
        let reset = Temporal_Api_Workflowservice_V1_ResetWorkflowExecutionRequest.with {
            $0.workflowTaskFinishEventID = 4
            $0.requestID = "reset"
            $0.reason = "again"
        }
        try shard.call(.reset(reset))
        #expect(shard.deliveries.isEmpty)
        #expect(try self.states(shard, base) == [.standby, .standby])
        let urls = try self.callbacks(shard).map(\.callback.nexus.url)
        #expect(urls == ["http://receiver/a", "http://receiver/b"])
        try shard.work(.complete())
        #expect(shard.deliveries.count == 2)
        #expect(try self.states(shard) == [.succeeded, .succeeded])
    }

    // MARK: Attached later

    private func attach(_ shard: ShardHarness, _ names: String...) throws {
        let body = shard.startBody {
            $0.requestID = "attach \(names)"
            $0.workflowIDConflictPolicy = .useExisting
            $0.onConflictOptions.attachRequestID = true
            $0.onConflictOptions.attachCompletionCallbacks = true
            $0.completionCallbacks = names.map { Self.callback($0) }
        }
        try shard.call(.startWorkflowExecution(body))
    }

    @Test("A callback that comes while a task runs is there at once, and stays")
    func buffered() throws {
        let shard = ShardHarness()
        try self.start(shard)
        let task = try shard.takeWorkflowTask()
        try self.attach(shard, "a")
        #expect(try self.states(shard) == [.standby])
        shard.restart()
        try shard.complete(task)
        try shard.work(.complete())
        let delivery = try #require(shard.deliveries.first?.delivery)
        let link = delivery.header("nexus-link")
        #expect(link.contains("referenceType=RequestIdReference&requestID=attach%20%5B%22a%22%5D>"))
        #expect(link.contains("eventType=WorkflowExecutionOptionsUpdated"))
    }

    @Test("Terminated with a callback in the buffer, the run still tells")
    func terminatedWhileBuffered() throws {
        let shard = ShardHarness()
        try self.start(shard)
        _ = try shard.takeWorkflowTask()
        try self.attach(shard, "a")
        try shard.terminate()
        #expect(shard.deliveries.count == 1)
    }

    @Test("Only what the options name is attached")
    func notAttached() throws {
        let shard = ShardHarness()
        try self.start(shard)
        let body = shard.startBody {
            $0.workflowIDConflictPolicy = .useExisting
            $0.onConflictOptions.attachRequestID = true
            $0.completionCallbacks = [Self.callback("a")]
        }
        try shard.call(.startWorkflowExecution(body))
        #expect(try self.callbacks(shard).isEmpty)
    }

    @Test("A run takes so many callbacks and no more")
    func tooMany() throws {
        let shard = ShardHarness { $0.callbacksMax = 2 }
        try self.start(shard, "a")
        let body = shard.startBody {
            $0.workflowIDConflictPolicy = .useExisting
            $0.onConflictOptions.attachRequestID = true
            $0.onConflictOptions.attachCompletionCallbacks = true
            $0.completionCallbacks = [Self.callback("b"), Self.callback("c")]
        }
        let refusal = shard.refusal(.startWorkflowExecution(body))
        #expect(refusal?.kind == .failedPrecondition)
        #expect(
            refusal?.message
                == "cannot attach more than 2 callbacks to a workflow (1 callbacks already attached)"
        )
        try self.attach(shard, "b")
        #expect(try self.states(shard).count == 2)
    }

    // MARK: Attempts

    @Test("What fails is tried again, each time later")
    func backsOff() throws {
        let shard = ShardHarness()
        shard.callbackOutcome = { _ in .answered(status: 500, isRetryable: nil) }
        try self.start(shard, "a")
        try shard.work(.complete())
        var waits: [Duration] = []
        for attempt in 1...14 {
            let info = try self.callbacks(shard)[0]
            #expect(info.state == .backingOff)
            #expect(info.attempt == Int32(attempt))
            #expect(
                info.lastAttemptFailure.message
                    == "handler error (INTERNAL): Internal Server Error")
            #expect(!info.lastAttemptFailure.applicationFailureInfo.nonRetryable)
            waits.append(Timestamp(info.nextAttemptScheduleTime) - shard.now)
            if attempt % 3 == 0 { shard.restart() }
            shard.wait(waits[attempt - 1] - .nanoseconds(1))
            #expect(shard.deliveries.count == attempt)
            shard.wait(.nanoseconds(1))
        }
        for (index, wait) in waits.enumerated() {
            let full = min(Duration.seconds(1 << index), .seconds(3_600))
            #expect(wait <= full && wait >= full * 4 / 5)
        }
        shard.callbackOutcome = { _ in .answered(status: 204, isRetryable: nil) }
        shard.wait(.seconds(3_601))
        let info = try self.callbacks(shard)[0]
        #expect(info.state == .succeeded)
        #expect(info.attempt == 16)
        #expect(!info.hasLastAttemptFailure && !info.hasNextAttemptScheduleTime)
    }

    static let outcomes: [(CallbackOutcome, Temporal_Api_Enums_V1_CallbackState, String)] = [
        (.answered(status: 200, isRetryable: nil), .succeeded, ""),
        (.answered(status: 299, isRetryable: false), .succeeded, ""),
        (
            .answered(status: 301, isRetryable: nil), .backingOff,
            "unexpected response status: \"301\""
        ),
        (
            .answered(status: 400, isRetryable: nil), .failed,
            "handler error (BAD_REQUEST): Bad Request"
        ),
        (
            .answered(status: 400, isRetryable: true), .backingOff,
            "handler error (BAD_REQUEST): Bad Request"
        ),
        (
            .answered(status: 404, isRetryable: nil), .failed,
            "handler error (NOT_FOUND): Not Found"
        ),
        (
            .answered(status: 408, isRetryable: nil), .backingOff,
            "handler error (REQUEST_TIMEOUT): Request Timeout"
        ),
        (.answered(status: 418, isRetryable: nil), .failed, "unexpected response status: \"418\""),
        (
            .answered(status: 429, isRetryable: nil), .backingOff,
            "handler error (RESOURCE_EXHAUSTED): Too Many Requests"
        ),
        (
            .answered(status: 500, isRetryable: false), .failed,
            "handler error (INTERNAL): Internal Server Error"
        ),
        (
            .answered(status: 501, isRetryable: nil), .failed,
            "handler error (NOT_IMPLEMENTED): Not Implemented"
        ),
        (
            .answered(status: 503, isRetryable: nil), .backingOff,
            "handler error (UNAVAILABLE): Service Unavailable"
        ),
        (.timedOut, .backingOff, "request timed out"),
        (.unreachable(reason: "refused"), .backingOff, "refused"),
        (.unsendable(reason: "no"), .failed, "no"),
    ]

    @Test("An answer says whether there is another attempt", arguments: Self.outcomes)
    func outcome(
        _ outcome: CallbackOutcome, _ state: Temporal_Api_Enums_V1_CallbackState, _ reason: String
    ) throws {
        let shard = ShardHarness()
        shard.callbackOutcome = { _ in outcome }
        try self.start(shard, "a")
        try shard.work(.complete())
        let info = try self.callbacks(shard)[0]
        #expect(info.state == state)
        #expect(info.attempt == 1)
        #expect(info.lastAttemptFailure.message == reason)
        #expect(info.lastAttemptFailure.applicationFailureInfo.nonRetryable == (state == .failed))
    }

    @Test("An attempt that nobody heard the end of is made again after a restart")
    func restartedInFlight() throws {
        let shard = ShardHarness()
        shard.callbackOutcome = { _ in nil }
        try self.start(shard, "a")
        try shard.work(.complete())
        #expect(try self.states(shard) == [.scheduled])
        let lost = shard.deliveries[0]
        shard.restart()
        #expect(shard.deliveries.count == 2)
        // Its answer comes to a process that never asked.
        shard.answer(lost, .answered(status: 400, isRetryable: nil))
        #expect(try self.states(shard) == [.scheduled])
        shard.answer(shard.deliveries[1], .answered(status: 200, isRetryable: nil))
        #expect(try self.states(shard) == [.succeeded])
        shard.restart()
        #expect(shard.deliveries.count == 2)
    }

    @Test("Nothing is delivered before the end is durable, and what is lost then is made up for")
    func notDurable() throws {
        let shard = ShardHarness()
        try self.start(shard, "a")
        let task = try shard.takeWorkflowTask()
        shard.holdsCommits = true
        shard.send(try shard.completion(of: task, [.complete()]))
        #expect(shard.deliveries.isEmpty)
        shard.commitFaults = [.unknownThoughWritten]
        shard.holdsCommits = false
        shard.releaseCommits()
        shard.wait(.seconds(1))
        #expect(shard.deliveries.count == 1)
        #expect(try self.states(shard) == [.succeeded])
    }

    @Test("An outcome that cannot be written down is found out again")
    func outcomeLost() throws {
        let shard = ShardHarness()
        try self.start(shard, "a")
        shard.callbackOutcome = { _ in nil }
        try shard.work(.complete())
        shard.commitFaults = [.refused(.unavailable("down"))]
        shard.callbackOutcome = { _ in .answered(status: 200, isRetryable: nil) }
        shard.answer(shard.deliveries[0], .answered(status: 200, isRetryable: nil))
        shard.wait(.seconds(1))
        #expect(shard.deliveries.count == 2)
        #expect(try self.states(shard) == [.succeeded])
    }

    @Test("A cache of nothing keeps no callback from being delivered")
    func evicted() throws {
        let shard = ShardHarness { $0.shardCacheSizeMax = 1 }
        shard.callbackOutcome = { _ in nil }
        try self.start(shard, "a", "b")
        try shard.work(.complete())
        try shard.start("other")
        for attempt in shard.deliveries {
            shard.answer(attempt, .answered(status: 503, isRetryable: nil))
        }
        #expect(try self.states(shard) == [.backingOff, .backingOff])
        try shard.start("another")
        shard.callbackOutcome = { _ in .answered(status: 200, isRetryable: nil) }
        shard.wait(.seconds(2))
        #expect(shard.deliveries.count == 4)
        #expect(try self.states(shard) == [.succeeded, .succeeded])
    }

    @Test("A run that is removed takes its callbacks with it")
    func retention() throws {
        let shard = ShardHarness()
        shard.callbackOutcome = { _ in .timedOut }
        try self.start(shard, "a")
        try shard.work(.complete())
        shard.wait(testNamespace.retention + .seconds(1))
        let count = shard.deliveries.count
        #expect(count > 20)
        shard.wait(.seconds(86_400))
        #expect(shard.deliveries.count == count)
        #expect(shard.store.taskRows(after: 0, countMax: 10).isEmpty)
    }

    // MARK: Many

    @Test("One destination gets so many at a time; others do not wait for it")
    func places() throws {
        let shard = ShardHarness {
            $0.callbackDeliveriesMax = 3
            $0.callbackDeliveriesPerDestinationMax = 2
        }
        shard.callbackOutcome = { _ in nil }
        try self.start(shard, "1", "2", "3", "4") {
            $0.completionCallbacks.append(.with { $0.nexus.url = "http://other/5" })
        }
        try shard.work(.complete())
        func open() -> [String] { shard.deliveries.map { String($0.delivery.url.suffix(1)) } }
        #expect(open() == ["1", "2", "5"])
        shard.answer(shard.deliveries[2], .answered(status: 200, isRetryable: nil))
        #expect(open() == ["1", "2", "5"])
        shard.answer(shard.deliveries[0], .answered(status: 200, isRetryable: nil))
        #expect(open() == ["1", "2", "5", "3"])
        shard.callbackOutcome = { _ in .answered(status: 200, isRetryable: nil) }
        shard.answer(shard.deliveries[3], .timedOut)
        #expect(open() == ["1", "2", "5", "3", "4"])
        shard.answer(shard.deliveries[1], .answered(status: 200, isRetryable: nil))
        shard.wait(.seconds(2))
        #expect(try self.states(shard).allSatisfy { $0 == .succeeded })
    }

    @Test("After a restart no more are delivered at a time than before")
    func placesAfterRestart() throws {
        let shard = ShardHarness {
            $0.callbackDeliveriesMax = 2
            $0.shardCacheSizeMax = 1
        }
        shard.callbackOutcome = { _ in nil }
        try self.start(shard, "1", "2", "3", "4")
        try shard.work(.complete())
        shard.deliveries = []
        shard.restart()
        #expect(shard.deliveries.count == 2)
        shard.callbackOutcome = { _ in .answered(status: 200, isRetryable: nil) }
        for attempt in shard.deliveries { shard.answer(attempt, .timedOut) }
        shard.wait(.seconds(2))
        #expect(try self.states(shard).allSatisfy { $0 == .succeeded })
    }
}

extension CallbackDelivery {
    /// The value of a header; empty if it is not there or is there twice.
    func header(_ name: String) -> String {
        let found = self.headers.filter { $0.name == name }
        return found.count == 1 ? found[0].value : ""
    }

    var text: String { String(decoding: self.body, as: UTF8.self) }
}
