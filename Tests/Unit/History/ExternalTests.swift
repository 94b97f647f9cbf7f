import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ExternalTests {
    private static func sender(_ shard: ShardHarness, _ commands: Command...) throws {
        try shard.start()
        let task = try shard.takeWorkflowTask(of: "w")
        try shard.call(shard.completion(of: task, commands), to: "w")
    }

    @Test("A signal arrives once, says who sent it, and the sender learns of it")
    func signals() throws {
        let shard = ShardHarness()
        try shard.start("x")
        try Self.sender(
            shard,
            .signalExternal("x") {
                $0.control = "control"
                $0.header.fields["h"] = .init()
            })
        #expect(
            try shard.history(after: 4) == """
                5 SignalExternalWorkflowExecutionInitiated
                6 ExternalWorkflowExecutionSignaled
                7 WorkflowTaskScheduled
                """)
        let arrived = try #require(try shard.events(nil, "x").last)
            .workflowExecutionSignaledEventAttributes
        #expect(arrived.signalName == "hello" && arrived.input.texts == ["input"])
        #expect(arrived.identity == "history-service")
        #expect(arrived.header.fields.keys.sorted() == ["h"])
        #expect(arrived.externalWorkflowExecution.workflowID == "w")
        #expect(arrived.externalWorkflowExecution.runID == shard.currentRun().rawValue)
        let signaled = try shard.lastEvent(.externalWorkflowExecutionSignaled)
            .externalWorkflowExecutionSignaledEventAttributes
        #expect(signaled.initiatedEventID == 5 && signaled.control == "control")
        #expect(signaled.workflowExecution.workflowID == "x")
        // The same request again, as after a crash.
        let request = try #require(shard.sentRequests.last)
        try shard.call(request.operation, to: "x")
        #expect(try shard.describe(of: "x").workflowExecutionInfo.historyLength == 3)
    }

    @Test("A cancel request arrives once, says who sent it, and the sender learns of it")
    func cancels() throws {
        let shard = ShardHarness()
        try shard.start("x")
        try Self.sender(shard, .cancelExternal("x"))
        #expect(
            try shard.history(after: 4) == """
                5 RequestCancelExternalWorkflowExecutionInitiated
                6 ExternalWorkflowExecutionCancelRequested
                7 WorkflowTaskScheduled
                """)
        let arrived = try #require(try shard.events(nil, "x").last)
            .workflowExecutionCancelRequestedEventAttributes
        #expect(arrived.cause == "enough" && arrived.identity == "history-service")
        #expect(arrived.externalInitiatedEventID == 5)
        #expect(arrived.externalWorkflowExecution.workflowID == "w")
        let request = try #require(shard.sentRequests.last)
        try shard.call(request.operation, to: "x")
        #expect(try shard.describe(of: "x").workflowExecutionInfo.historyLength == 3)
    }

    struct Failure: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let signal: SignalCause?
        let cancel: CancelCause?
        var target = "x"
        var prepare: @Sendable (ShardHarness) throws -> Void = { _ in }
    }

    typealias SignalCause = Temporal_Api_Enums_V1_SignalExternalWorkflowExecutionFailedCause
    typealias CancelCause = Temporal_Api_Enums_V1_CancelExternalWorkflowExecutionFailedCause

    static let failures: [Failure] = [
        Failure(
            testDescription: "no such workflow", signal: .externalWorkflowExecutionNotFound,
            cancel: .externalWorkflowExecutionNotFound),
        Failure(
            testDescription: "itself", signal: .externalWorkflowExecutionNotFound,
            cancel: .externalWorkflowExecutionNotFound, target: "w"),
        Failure(
            testDescription: "a closed workflow", signal: .externalWorkflowExecutionNotFound,
            cancel: nil
        ) {
            try $0.start("x")
            try $0.call(.terminate(.init()), to: "x")
        },
        Failure(
            testDescription: "too many signals", signal: .signalCountLimitExceeded, cancel: nil
        ) {
            try $0.start("x")
            try $0.call($0.signalOperation("s"), to: "x")
        },
        Failure(
            testDescription: "a workflow that has been asked to cancel", signal: nil, cancel: nil
        ) {
            try $0.start("x")
            try $0.call(.requestCancel(.with { $0.requestID = "other" }), to: "x")
        },
    ]

    @Test("What other workflows refuse is history, and the sender goes on", arguments: failures)
    func refused(_ failure: Failure) throws {
        let shard = ShardHarness { $0.signalsPerExecutionMax = 1 }
        try failure.prepare(shard)
        try Self.sender(
            shard, .signalExternal(failure.target) { $0.control = "c" },
            .cancelExternal(failure.target))
        let events = try shard.events()
        let signal = events.first {
            $0.eventType == .signalExternalWorkflowExecutionFailed
        }?.signalExternalWorkflowExecutionFailedEventAttributes
        #expect(signal?.cause == failure.signal)
        if let signal {
            #expect(signal.initiatedEventID == 5 && signal.workflowTaskCompletedEventID == 0)
            #expect(signal.control == "c" && signal.namespace == "test")
        }
        let cancel = events.first {
            $0.eventType == .requestCancelExternalWorkflowExecutionFailed
        }?.requestCancelExternalWorkflowExecutionFailedEventAttributes
        #expect(cancel?.cause == failure.cancel)
        if let cancel { #expect(cancel.initiatedEventID == 6) }
        #expect(shard.hasWorkflowTask(of: "w"))
    }

    @Test("What is for children only is refused by strangers, and taken by children")
    func childrenOnly() throws {
        let shard = ShardHarness()
        try shard.start("stranger")
        try Self.sender(
            shard, .signalExternal("stranger") { $0.childWorkflowOnly = true },
            .cancelExternal("stranger") { $0.childWorkflowOnly = true }, .child())
        let causes = try shard.events().compactMap { event -> String? in
            switch event.attributes {
            case .signalExternalWorkflowExecutionFailedEventAttributes(let failed):
                "\(failed.cause)"
            case .requestCancelExternalWorkflowExecutionFailedEventAttributes(let failed):
                "\(failed.cause)"
            default: nil
            }
        }
        #expect(
            causes == ["externalWorkflowExecutionNotFound", "externalWorkflowExecutionNotFound"])
        try shard.work(
            on: "w", .signalExternal("c") { $0.childWorkflowOnly = true },
            .cancelExternal("c") { $0.childWorkflowOnly = true })
        #expect(
            try shard.history(nil, "c") == """
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                3 WorkflowExecutionSignaled
                4 WorkflowExecutionCancelRequested
                """)
    }

    @Test("A run that is named is the one that is meant")
    func namedRun() throws {
        let shard = ShardHarness()
        let first = try shard.start("x")
        try shard.work(on: "x", .continueAsNew())
        try Self.sender(shard, .signalExternal("x") { $0.execution.runID = first.rawValue })
        #expect(try shard.history(after: 5).hasPrefix("6 SignalExternalWorkflowExecutionFailed"))
    }

    @Test("What was on its way when the sender closed is not sent any more")
    func closedSender() throws {
        let shard = ShardHarness()
        try shard.start("x")
        try Self.sender(shard, .signalExternal("x"), .cancelExternal("x"), .complete())
        #expect(try shard.history(nil, "x").hasSuffix("2 WorkflowTaskScheduled"))
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }

    @Test("A signal is sent until it has arrived", arguments: [true, false])
    func repeated(restarts: Bool) throws {
        let shard = ShardHarness()
        try shard.start("x")
        shard.sentRequestFault = { _ in
            ServiceError(
                .resourceExhausted(cause: .busyWorkflow, scope: .namespace), "closing")
        }
        try Self.sender(shard, .signalExternal("x"), .cancelExternal("x"))
        #expect(try shard.events().count == 6)
        if restarts { shard.restart() }
        shard.sentRequestFault = { _ in nil }
        shard.wait(.seconds(60))
        #expect(
            try shard.events().map(\.eventType).contains(.externalWorkflowExecutionSignaled))
        #expect(
            try shard.events().map(\.eventType).contains(
                .externalWorkflowExecutionCancelRequested))
        #expect(try shard.events(nil, "x").count == 4)
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }

    // MARK: Other namespaces

    private static let other = NamespaceReference(
        id: "b7d4c2de-0000-4000-8000-000000000002", name: "other", retention: .seconds(3_600))

    private func complete(
        _ shard: ShardHarness, _ commands: [Command]
    ) throws -> HistoryShard.RequestID {
        let task = try shard.takeWorkflowTask(of: "w")
        return shard.send(
            try shard.completion(of: task, commands), to: "w",
            naming: ["other": Self.other.id])
    }

    @Test("Other namespaces are reached only if that is allowed")
    func forbidden() throws {
        let shard = ShardHarness()
        try shard.start()
        let id = try self.complete(shard, [.child { $0.namespace = "other" }])
        guard case .failure(let error) = shard.replies[id] else {
            Issue.record("not refused")
            return
        }
        #expect(error.message.hasSuffix("cross namespace commands are not allowed"))
    }

    @Test("A child in another namespace reports to its parent", arguments: [true, false])
    func across(exists: Bool) throws {
        let shard = ShardHarness { $0.enableCrossNamespaceCommands = true }
        if exists { shard.namespaces = [Self.other.id: Self.other] }
        shard.namespaces[testNamespace.id] = testNamespace
        try shard.start()
        _ = try self.complete(
            shard,
            [
                .child { $0.namespace = "other" }, .signalExternal("x") { $0.namespace = "other" },
                .cancelExternal("x") { $0.namespace = "other" },
            ])
        let types = try shard.events().map(\.eventType)
        guard exists else {
            let failed = try shard.lastEvent(.startChildWorkflowExecutionFailed)
                .startChildWorkflowExecutionFailedEventAttributes
            #expect(failed.cause == .namespaceNotFound && failed.namespace == "other")
            let signal = try shard.lastEvent(.signalExternalWorkflowExecutionFailed)
                .signalExternalWorkflowExecutionFailedEventAttributes
            #expect(signal.cause == .namespaceNotFound)
            let cancel = try shard.lastEvent(.requestCancelExternalWorkflowExecutionFailed)
                .requestCancelExternalWorkflowExecutionFailedEventAttributes
            #expect(cancel.cause == .namespaceNotFound)
            return
        }
        #expect(types.contains(.childWorkflowExecutionStarted))
        let child = try #require(shard.store.runs.keys.first { $0.namespaceID == Self.other.id })
        #expect(child.workflowID == "c")
        let dispatch = try #require(
            shard.handedOver.first { $0.run.namespaceID == Self.other.id })
        let start = shard.send(
            .recordWorkflowTaskStarted(shard.workflowStart(of: dispatch)), to: "c", in: Self.other)
        guard case .success(.workflowTaskStarted(let task)) = shard.replies[start] else {
            throw UnexpectedReply()
        }
        _ = shard.send(
            try shard.completion(of: task, [.complete()]), to: "c", in: Self.other)
        let end = try shard.lastEvent(.childWorkflowExecutionCompleted)
            .childWorkflowExecutionCompletedEventAttributes
        #expect(end.namespace == "other" && end.namespaceID == Self.other.id.rawValue)
    }
}
