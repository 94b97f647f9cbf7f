import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct StartTests {
    typealias Reuse = Temporal_Api_Enums_V1_WorkflowIdReusePolicy
    typealias Conflict = Temporal_Api_Enums_V1_WorkflowIdConflictPolicy

    /// How the current run stands when another start arrives.
    enum Before: CaseIterable, Sendable { case running, completed, failed, terminated }

    enum Expected: Sendable { case refused, existing, new }

    struct Row: Sendable {
        let before: Before
        let reuse: Reuse
        let conflict: Conflict
        let expected: Expected
    }

    static let table: [Row] = [
        Row(before: .running, reuse: .unspecified, conflict: .unspecified, expected: .refused),
        Row(before: .running, reuse: .allowDuplicate, conflict: .fail, expected: .refused),
        Row(before: .running, reuse: .rejectDuplicate, conflict: .useExisting, expected: .existing),
        Row(before: .running, reuse: .allowDuplicate, conflict: .terminateExisting, expected: .new),
        Row(before: .completed, reuse: .unspecified, conflict: .unspecified, expected: .new),
        Row(before: .completed, reuse: .allowDuplicate, conflict: .useExisting, expected: .new),
        Row(
            before: .completed, reuse: .allowDuplicateFailedOnly, conflict: .fail,
            expected: .refused),
        Row(before: .completed, reuse: .rejectDuplicate, conflict: .fail, expected: .refused),
        Row(before: .failed, reuse: .allowDuplicateFailedOnly, conflict: .fail, expected: .new),
        Row(before: .failed, reuse: .rejectDuplicate, conflict: .fail, expected: .refused),
        Row(before: .terminated, reuse: .allowDuplicateFailedOnly, conflict: .fail, expected: .new),
        Row(
            before: .terminated, reuse: .rejectDuplicate, conflict: .useExisting, expected: .refused
        ),
    ]

    private func prepared(_ before: Before) throws -> (ShardHarness, RunID) {
        let shard = ShardHarness()
        let runID = try shard.start()
        switch before {
        case .running: break
        case .completed: try shard.work(.complete())
        case .failed: try shard.work(.fail())
        case .terminated: try shard.terminate()
        }
        return (shard, runID)
    }

    @Test("The policies decide what becomes of a second start", arguments: table)
    func policies(_ row: Row) throws {
        let (shard, runID) = try self.prepared(row.before)
        let body = shard.startBody {
            $0.workflowIDReusePolicy = row.reuse
            $0.workflowIDConflictPolicy = row.conflict
        }
        switch row.expected {
        case .refused:
            let refusal = shard.refusal(.startWorkflowExecution(body))
            guard
                case .workflowExecutionAlreadyStarted(let request, let run, let first) = refusal?
                    .kind
            else { throw UnexpectedReply() }
            #expect(request == "start-1")
            #expect(run == runID)
            #expect(first == runID)
            #expect(shard.currentRun() == runID)
        case .existing, .new:
            guard case .started(let response) = try shard.call(.startWorkflowExecution(body)) else {
                throw UnexpectedReply()
            }
            #expect(response.started == (row.expected == .new))
            #expect((response.runID == runID.rawValue) == (row.expected == .existing))
            #expect(response.status == .running)
            #expect(shard.currentRun().rawValue == response.runID)
        }
        if row.conflict == .terminateExisting {
            let terminated = try shard.lastEvent(.workflowExecutionTerminated, in: runID)
                .workflowExecutionTerminatedEventAttributes
            #expect(terminated.reason == "TerminateIfRunning WorkflowIdReusePolicy")
            #expect(terminated.identity == "history-service")
            #expect(try shard.describe(runID).workflowExecutionInfo.status == .terminated)
            #expect(try shard.history() == "1 WorkflowExecutionStarted\n2 WorkflowTaskScheduled")
        }
    }

    @Test("The same request id starts one run only", arguments: Before.allCases)
    func requestIDs(_ before: Before) throws {
        let (shard, runID) = try self.prepared(before)
        let body = shard.startBody {
            $0.requestID = "start-1"
            $0.workflowIDReusePolicy = .rejectDuplicate
        }
        guard case .started(let response) = try shard.call(.startWorkflowExecution(body)) else {
            throw UnexpectedReply()
        }
        #expect(response.runID == runID.rawValue)
        #expect(response.started)
        #expect((response.status == .running) == (before == .running))
    }

    @Test("The first event holds what the start said")
    func startedEvent() throws {
        let shard = ShardHarness()
        let runID = try shard.start {
            $0.workflowExecutionTimeout = Duration.seconds(100).proto
            $0.workflowRunTimeout = Duration.seconds(50).proto
            $0.retryPolicy = .attempts(3)
            $0.memo.fields["m"] = .with { $0.data = Data("1".utf8) }
            $0.header.fields["h"] = .with { $0.data = Data("2".utf8) }
            $0.userMetadata.summary.data = Data("sum".utf8)
        }
        let event = try #require(try shard.events().first)
        let started = event.workflowExecutionStartedEventAttributes
        #expect(started.workflowType.name == "Flow")
        #expect(started.taskQueue.kind == .normal)
        #expect(started.originalExecutionRunID == runID.rawValue)
        #expect(started.firstExecutionRunID == runID.rawValue)
        #expect(started.attempt == 1)
        #expect(started.identity == "client")
        #expect(started.input.texts == ["input"])
        #expect(started.workflowExecutionExpirationTime == (shard.now + .seconds(100)).proto)
        #expect(started.header.fields.keys.sorted() == ["h"])
        #expect(event.userMetadata.summary.data == Data("sum".utf8))
        #expect(try shard.describe().workflowExecutionInfo.memo.fields.keys.sorted() == ["m"])
        #expect(event.taskID > 0)
    }

    @Test("A start delay holds the first task back, not the signals")
    func startDelay() throws {
        let shard = ShardHarness()
        try shard.start {
            $0.workflowStartDelay = Duration.seconds(30).proto
            $0.workflowRunTimeout = Duration.seconds(10).proto
        }
        #expect(shard.handedOver.isEmpty)
        try shard.signal("early")
        try shard.requestCancel()
        #expect(
            try shard.history() == """
                1 WorkflowExecutionStarted
                2 WorkflowExecutionSignaled
                3 WorkflowExecutionCancelRequested
                """)
        let info = try shard.describe().workflowExecutionInfo
        #expect(info.executionTime == (shard.now + .seconds(30)).proto)
        shard.wait(.seconds(30))
        #expect(try shard.history(after: 3) == "4 WorkflowTaskScheduled")
        shard.wait(.seconds(10))
        #expect(try shard.history(after: 4) == "5 WorkflowExecutionTimedOut")
    }

    private func signalWithStart(
        _ shard: ShardHarness, _ name: String = "go", requestID: String? = nil,
        configure: (inout SignalWithStartBody) -> Void = { _ in }
    ) throws -> Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionResponse {
        let body = SignalWithStartBody.with {
            $0.workflowID = "w"
            $0.workflowType.name = "Flow"
            $0.taskQueue.name = "queue"
            $0.workflowTaskTimeout = Duration.seconds(10).proto
            $0.signalName = name
            $0.requestID = requestID ?? shard.name("signal-with-start")
            configure(&$0)
        }
        guard case .signalWithStarted(let response) = try shard.call(.signalWithStart(body)) else {
            throw UnexpectedReply()
        }
        return response
    }

    @Test("Signal-with-start starts, then signals what it started")
    func signalsWithStart() throws {
        let shard = ShardHarness()
        let first = try self.signalWithStart(shard, requestID: "one")
        #expect(first.started)
        #expect(
            try shard.history() == """
                1 WorkflowExecutionStarted
                2 WorkflowExecutionSignaled
                3 WorkflowTaskScheduled
                """)
        let again = try self.signalWithStart(shard, requestID: "one")
        #expect(again.started)
        #expect(again.runID == first.runID)
        #expect(try shard.events().count == 3)
        let second = try self.signalWithStart(shard, requestID: "two")
        #expect(!second.started)
        #expect(second.runID == first.runID)
        _ = try self.signalWithStart(shard, requestID: "two")
        #expect(try shard.history(after: 3) == "4 WorkflowExecutionSignaled")
        try shard.work(.complete())
        let third = try self.signalWithStart(shard)
        #expect(third.started)
        #expect(third.runID != first.runID)
    }

    @Test("Signal-with-start may replace a running run")
    func signalWithStartTerminates() throws {
        let shard = ShardHarness()
        let old = try shard.start()
        let response = try self.signalWithStart(shard) {
            $0.workflowIDConflictPolicy = .terminateExisting
        }
        #expect(response.started)
        #expect(try shard.describe(old).workflowExecutionInfo.status == .terminated)
        #expect(
            try shard.history().hasPrefix("1 WorkflowExecutionStarted\n2 WorkflowExecutionSignaled")
        )
    }

    @Test("A signal counts once per request id, and so often only")
    func signals() throws {
        let shard = ShardHarness { $0.signalsPerExecutionMax = 2 }
        try shard.start()
        try shard.signal("a", requestID: "one")
        try shard.signal("a", requestID: "one")
        try shard.signal("b", requestID: "two")
        #expect(
            try shard.history(after: 2)
                == "3 WorkflowExecutionSignaled\n4 WorkflowExecutionSignaled")
        #expect(
            shard.refusal(shard.signalOperation("c"))
                == .invalidArgument("exceeded workflow execution limit for signal events"))
        try shard.signal("b", requestID: "two")
        try shard.terminate()
        #expect(
            shard.refusal(shard.signalOperation("c"))
                == .notFound("workflow execution already completed"))
        #expect(shard.refusal(shard.signalOperation("c"), to: "nobody")?.kind == .notFound)
    }
}
