import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ChildTests {
    /// A parent `w` whose child `c` runs.
    static func family(
        _ shard: ShardHarness = ShardHarness(),
        configure: (inout ChildAttributes) -> Void = { _ in }
    ) throws -> ShardHarness {
        try shard.start()
        try shard.work(on: "w", .child(configure: configure))
        return shard
    }

    @Test("A child is started, its parent learns of it, then it runs, and its result comes back")
    func completes() throws {
        let shard = try Self.family()
        #expect(
            try shard.history(after: 3) == """
                4 WorkflowTaskCompleted
                5 StartChildWorkflowExecutionInitiated
                6 ChildWorkflowExecutionStarted
                7 WorkflowTaskScheduled
                """)
        try shard.work(on: "w")
        try shard.work(on: "c", .complete("result"))
        #expect(
            try shard.history(after: 9) == """
                10 ChildWorkflowExecutionCompleted
                11 WorkflowTaskScheduled
                """)
        let end = try shard.lastEvent(.childWorkflowExecutionCompleted)
            .childWorkflowExecutionCompletedEventAttributes
        #expect(end.result.texts == ["result"] && end.initiatedEventID == 5)
        #expect(end.startedEventID == 6 && end.workflowType.name == "Child")
        #expect(end.workflowExecution.runID == shard.currentRun("c").rawValue)
        #expect(end.namespace == "test" && end.namespaceID == testNamespace.id.rawValue)
        #expect(try shard.describe().pendingChildren.isEmpty)
    }

    @Test("A child knows its parent and the root of its tree, and hands both on")
    func parents() throws {
        let shard = try Self.family()
        try shard.work(on: "c", .child("g"), .continueAsNew())
        let root = shard.currentRun("w").rawValue
        let child = try #require(try shard.events(nil, "c").first)
            .workflowExecutionStartedEventAttributes
        #expect(child.continuedExecutionRunID != "")
        #expect(child.parentWorkflowExecution.workflowID == "w")
        #expect(child.parentWorkflowExecution.runID == root && child.parentInitiatedEventID == 5)
        #expect(child.parentWorkflowNamespace == "test")
        #expect(child.rootWorkflowExecution.runID == root)
        let info = try shard.describe(of: "c").workflowExecutionInfo
        #expect(info.parentExecution == child.parentWorkflowExecution)
        #expect(info.rootExecution == child.rootWorkflowExecution)
        #expect(info.parentNamespaceID == testNamespace.id.rawValue)
        let record = try #require(
            shard.store.visibility[shard.key(shard.currentRun("c"), "c")])
        #expect(record.parentWorkflowID == "w" && record.parentRunID == root)
        #expect(record.rootWorkflowID == "w" && record.rootRunID == root)
    }

    @Test("Nobody works on a child before its parent has recorded it")
    func waits() throws {
        let shard = ShardHarness()
        try shard.start()
        shard.holdsSent = true
        try shard.work(on: "w", .child())
        shard.holdsCommits = true
        shard.releaseSent()
        #expect(shard.heldBatches.count == 1, "the child's first event")
        shard.releaseCommits()
        #expect(try shard.history(nil, "c") == "1 WorkflowExecutionStarted")
        #expect(try shard.history(after: 4).contains("6 ChildWorkflowExecutionStarted"))
        #expect(!shard.hasWorkflowTask(of: "c"))
        shard.releaseSent()
        shard.holdsCommits = false
        shard.releaseCommits()
        #expect(shard.hasWorkflowTask(of: "c"))
    }

    @Test("Signals to a child that waits do not wake it")
    func signaledEarly() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.holding { try shard.work(on: "w", .child()) }
        shard.releaseSent()  // The start; the release is held.
        try shard.call(shard.signalOperation("s"), to: "c")
        #expect(!shard.hasWorkflowTask(of: "c"))
        shard.holdsSent = false
        shard.releaseSent()
        #expect(
            try shard.history(nil, "c") == """
                1 WorkflowExecutionStarted
                2 WorkflowExecutionSignaled
                3 WorkflowTaskScheduled
                """)
    }

    @Test("A child's cron schedule begins to count with its start, but not before it is released")
    func cron() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.holding { try shard.work(on: "w", .child { $0.cronSchedule = "@every 10s" }) }
        shard.releaseSent()
        shard.wait(.seconds(12))
        #expect(!shard.hasWorkflowTask(of: "c"))
        shard.holdsSent = false
        shard.releaseSent()
        shard.wait(.milliseconds(1))
        #expect(shard.hasWorkflowTask(of: "c"))
    }

    @Test("A child released during its back-off waits for the rest of it")
    func backoff() throws {
        let shard = try Self.family { $0.cronSchedule = "@every 10s" }
        shard.wait(.seconds(9))
        #expect(!shard.hasWorkflowTask(of: "c"))
        shard.wait(.seconds(2))
        #expect(shard.hasWorkflowTask(of: "c"))
    }

    struct End: Sendable, CustomTestStringConvertible {
        let event: String
        let reach: @Sendable (ShardHarness) throws -> Void
        var testDescription: String { self.event }
    }

    static let ends: [End] = [
        End(event: "ChildWorkflowExecutionCompleted") { try $0.work(on: "c", .complete()) },
        End(event: "ChildWorkflowExecutionFailed") { try $0.work(on: "c", .fail()) },
        End(event: "ChildWorkflowExecutionCanceled") { try $0.work(on: "c", .cancelRun) },
        End(event: "ChildWorkflowExecutionTimedOut") { $0.wait(.seconds(60)) },
        End(event: "ChildWorkflowExecutionTerminated") {
            try $0.call(.terminate(.with { $0.reason = "enough" }), to: "c")
        },
    ]

    @Test("Every end of a child is told to its parent", arguments: ends)
    func everyEnd(_ end: End) throws {
        let shard = try Self.family { $0.workflowRunTimeout = Duration.seconds(30).proto }
        try shard.work(on: "w")
        try end.reach(shard)
        #expect(try shard.history(after: 9) == "10 \(end.event)\n11 WorkflowTaskScheduled")
        #expect(try shard.describe().pendingChildren.isEmpty)
    }

    @Test("The parent waits for the end of the child's whole chain", arguments: [0, 1, 2])
    func chain(kind: Int) throws {
        let shard = try Self.family {
            if kind == 1 { $0.retryPolicy = .attempts(2) }
            if kind == 2 { $0.cronSchedule = "@every 10s" }
        }
        let first = shard.currentRun("c")
        if kind == 2 { shard.wait(.seconds(11)) }
        try shard.work(on: "c", kind == 0 ? .continueAsNew() : .fail())
        #expect(shard.currentRun("c") != first)
        try shard.work(on: "w")
        #expect(try shard.describe().pendingChildren.map(\.runID) == [first.rawValue])
        shard.wait(.seconds(20))
        let last = shard.currentRun("c")
        if kind == 2 {
            try shard.call(.terminate(.init()), to: "c")
        } else {
            try shard.work(on: "c", .complete())
        }
        let event = try #require(try shard.events().first { $0.eventID == 10 })
        #expect(
            event.eventType
                == (kind == 2
                    ? .childWorkflowExecutionTerminated : .childWorkflowExecutionCompleted))
        let execution =
            kind == 2
            ? event.childWorkflowExecutionTerminatedEventAttributes.workflowExecution
            : event.childWorkflowExecutionCompletedEventAttributes.workflowExecution
        #expect(execution.runID == last.rawValue)
    }

    @Test("A child that ends while the parent works comes after what else happened")
    func buffered() throws {
        let shard = try Self.family()
        let task = try shard.takeWorkflowTask(of: "w")
        try shard.work(on: "c", .complete())
        try shard.signal("s")
        #expect(try shard.events().last?.eventType == .workflowTaskStarted)
        try shard.complete(task)
        #expect(
            try shard.history(after: 8) == """
                9 WorkflowTaskCompleted
                10 WorkflowExecutionSignaled
                11 ChildWorkflowExecutionCompleted
                12 WorkflowTaskScheduled
                """)
    }

    @Test("A child that starts and ends while the parent works has its events in order")
    func bufferedStart() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.holding { try shard.work(on: "w", .child()) }
        try shard.signal("s")
        let task = try shard.takeWorkflowTask(of: "w")
        shard.holdsSent = false
        shard.releaseSent()
        try shard.work(on: "c", .complete())
        try shard.complete(task)
        #expect(
            try shard.history(after: 8) == """
                9 WorkflowTaskCompleted
                10 ChildWorkflowExecutionStarted
                11 ChildWorkflowExecutionCompleted
                12 WorkflowTaskScheduled
                """)
        let end = try shard.lastEvent(.childWorkflowExecutionCompleted)
        #expect(end.childWorkflowExecutionCompletedEventAttributes.startedEventID == 10)
    }

    @Test("A child whose workflow id is taken cannot be started; the parent goes on")
    func alreadyStarted() throws {
        let shard = ShardHarness()
        try shard.start("c")
        try shard.start()
        try shard.work(
            on: "w",
            .child {
                $0.control = "x"
                $0.header.fields["h"] = .init()
            })
        #expect(
            try shard.history(after: 4) == """
                5 StartChildWorkflowExecutionInitiated
                6 StartChildWorkflowExecutionFailed
                7 WorkflowTaskScheduled
                """)
        let failed = try shard.lastEvent(.startChildWorkflowExecutionFailed)
            .startChildWorkflowExecutionFailedEventAttributes
        #expect(failed.cause == .workflowAlreadyExists && failed.workflowID == "c")
        #expect(failed.initiatedEventID == 5 && failed.workflowTaskCompletedEventID == 0)
        #expect(failed.control == "x" && failed.workflowType.name == "Child")
    }

    @Test("The reuse policy of a child holds against closed and open workflows")
    func reuse() throws {
        let shard = ShardHarness()
        try shard.start("c")
        try shard.work(on: "c", .complete())
        try shard.start()
        try shard.work(on: "w", .child { $0.workflowIDReusePolicy = .rejectDuplicate })
        #expect(try shard.history(after: 5).hasPrefix("6 StartChildWorkflowExecutionFailed"))
        try shard.work(on: "w", .child { $0.workflowIDReusePolicy = .allowDuplicate })
        let first = shard.currentRun("c")
        #expect(try shard.lastEvent(.childWorkflowExecutionStarted).eventID == 11)
        try shard.work(on: "w", .child { $0.workflowIDReusePolicy = .terminateIfRunning })
        #expect(shard.currentRun("c") != first)
        #expect(try shard.history().contains("ChildWorkflowExecutionTerminated"))
        #expect(
            try shard.describe().pendingChildren.map(\.runID) == [shard.currentRun("c").rawValue])
    }

    @Test("What a command says of a child gets to it, with defaults filled in")
    func attributes() throws {
        let shard = ShardHarness()
        try shard.start {
            $0.priority.priorityKey = 3
            $0.priority.fairnessKey = "f"
        }
        try shard.work(
            on: "w",
            .child {
                $0.workflowExecutionTimeout = Duration.seconds(5).proto
                $0.workflowRunTimeout = Duration.seconds(50).proto
                $0.retryPolicy.maximumAttempts = 3
                $0.memo.fields["m"] = .init()
                $0.header.fields["h"] = .init()
                $0.priority.priorityKey = 2
            })
        let initiated = try shard.lastEvent(.startChildWorkflowExecutionInitiated)
            .startChildWorkflowExecutionInitiatedEventAttributes
        #expect(initiated.parentClosePolicy == .terminate)
        #expect(initiated.workflowIDReusePolicy == .allowDuplicate)
        #expect(initiated.taskQueue.name == "queue" && initiated.namespace == "test")
        #expect(initiated.workflowRunTimeout == Duration.seconds(5).proto)
        #expect(initiated.workflowTaskTimeout == Duration.seconds(5).proto)
        let started = try #require(try shard.events(nil, "c").first)
            .workflowExecutionStartedEventAttributes
        #expect(started.input.texts == ["input"] && started.retryPolicy.maximumAttempts == 3)
        #expect(started.hasWorkflowExecutionExpirationTime && started.attempt == 1)
        #expect(started.memo.fields.keys.sorted() == ["m"])
        #expect(started.header.fields.keys.sorted() == ["h"])
        #expect(started.priority.priorityKey == 2 && started.priority.fairnessKey == "f")
        let header = try shard.lastEvent(.childWorkflowExecutionStarted)
            .childWorkflowExecutionStartedEventAttributes.header
        #expect(header.fields.keys.sorted() == ["h"])
    }

    @Test("Describe shows the children that have not ended")
    func describe() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.start("taken")
        shard.holdsSent = true
        try shard.work(on: "w", .child("a"), .child("b") { $0.parentClosePolicy = .abandon })
        let pending = try shard.describe().pendingChildren
        #expect(pending.map(\.workflowID) == ["a", "b"] && pending.map(\.runID) == ["", ""])
        #expect(pending.map(\.initiatedID) == [5, 6])
        #expect(pending.map(\.parentClosePolicy) == [.terminate, .abandon])
        #expect(pending.map(\.workflowTypeName) == ["Child", "Child"])
        shard.holdsSent = false
        shard.releaseSent()
        #expect(try shard.describe().pendingChildren.allSatisfy { !$0.runID.isEmpty })
    }
}

extension ShardHarness {
    /// Does something of which nothing that is sent to other runs arrives.
    func holding(_ body: () throws -> Void) rethrows {
        self.holdsSent = true
        try body()
    }
}
