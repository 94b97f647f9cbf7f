import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct CommandTests {
    struct Bad: Sendable {
        let name: String
        let cause: WorkflowTaskFailedCause
        let commands: [Command]
    }

    static let bad: [Bad] = [
        Bad(
            name: "no activity id", cause: .badScheduleActivityAttributes, commands: [.activity("")]
        ),
        Bad(
            name: "no activity type", cause: .badScheduleActivityAttributes,
            commands: [.activity { $0.activityType.name = "" }]),
        Bad(
            name: "no timeout", cause: .badScheduleActivityAttributes,
            commands: [.activity { $0.scheduleToCloseTimeout = .init() }]),
        Bad(
            name: "negative timeout", cause: .badScheduleActivityAttributes,
            commands: [.activity { $0.heartbeatTimeout = Duration.seconds(-1).proto }]),
        Bad(
            name: "bad retry policy", cause: .badScheduleActivityAttributes,
            commands: [.activity { $0.retryPolicy.backoffCoefficient = 0.5 }]),
        Bad(
            name: "internal task queue", cause: .badScheduleActivityAttributes,
            commands: [.activity { $0.taskQueue.name = "/_sys/x/1" }]),
        Bad(
            name: "activity twice", cause: .scheduleActivityDuplicateID,
            commands: [.activity("a"), .activity("a")]),
        Bad(
            name: "too many activities", cause: .pendingActivitiesLimitExceeded,
            commands: (0...3).map { .activity("\($0)") }),
        Bad(
            name: "unknown activity", cause: .badRequestCancelActivityAttributes,
            commands: [.cancelActivity(2)]),
        Bad(
            name: "no activity to cancel", cause: .badRequestCancelActivityAttributes,
            commands: [.cancelActivity(0)]),
        Bad(
            name: "no timer id", cause: .badStartTimerAttributes,
            commands: [.timer("", after: .zero)]),
        Bad(
            name: "negative timer", cause: .badStartTimerAttributes,
            commands: [.timer("t", after: .seconds(-1))]),
        Bad(
            name: "timer twice", cause: .startTimerDuplicateID,
            commands: [.timer("t", after: .seconds(1)), .timer("t", after: .seconds(1))]),
        Bad(name: "unknown timer", cause: .badCancelTimerAttributes, commands: [.cancelTimer("t")]),
        Bad(name: "no marker name", cause: .badRecordMarkerAttributes, commands: [.marker("")]),
        Bad(name: "no failure", cause: .badFailWorkflowExecutionAttributes, commands: [.fail(nil)]),
        Bad(
            name: "bad timeout of next run", cause: .badContinueAsNewAttributes,
            commands: [.continueAsNew { $0.workflowRunTimeout = Duration.seconds(-1).proto }]),
        Bad(
            name: "no search attributes", cause: .badSearchAttributes,
            commands: [.upsertSearchAttributes([:])]),
        Bad(
            name: "no memo", cause: .badModifyWorkflowPropertiesAttributes,
            commands: [.upsertMemo([:])]),
        Bad(
            name: "no child id", cause: .badStartChildExecutionAttributes, commands: [.child("")]),
        Bad(
            name: "no child type", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.workflowType.name = "" }]),
        Bad(
            name: "child id too long", cause: .badStartChildExecutionAttributes,
            commands: [.child(String(repeating: "x", count: 1_001))]),
        Bad(
            name: "child type too long", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.workflowType.name = String(repeating: "x", count: 1_001) }]),
        Bad(
            name: "negative timeout of a child", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.workflowRunTimeout = Duration.seconds(-1).proto }]),
        Bad(
            name: "bad retry policy of a child", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.retryPolicy.backoffCoefficient = 0.5 }]),
        Bad(
            name: "bad cron schedule of a child", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.cronSchedule = "often" }]),
        Bad(
            name: "bad task queue of a child", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.taskQueue.name = "/_sys/x/1" }]),
        Bad(
            name: "bad priority of a child", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.priority.priorityKey = -1 }]),
        Bad(
            name: "unknown parent close policy", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.parentClosePolicy = .UNRECOGNIZED(9) }]),
        Bad(
            name: "child in another namespace", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.namespace = "other" }]),
        Bad(
            name: "too many children", cause: .pendingChildWorkflowsLimitExceeded,
            commands: (0...3).map { .child("\($0)") }),
        Bad(
            name: "nobody to signal", cause: .badSignalWorkflowExecutionAttributes,
            commands: [.signalExternal("")]),
        Bad(
            name: "no execution to signal", cause: .badSignalWorkflowExecutionAttributes,
            commands: [.signalExternal("x") { $0.clearExecution() }]),
        Bad(
            name: "no signal name", cause: .badSignalWorkflowExecutionAttributes,
            commands: [.signalExternal("x") { $0.signalName = "" }]),
        Bad(
            name: "bad run id to signal", cause: .badSignalWorkflowExecutionAttributes,
            commands: [.signalExternal("x") { $0.execution.runID = "1" }]),
        Bad(
            name: "signal to another namespace", cause: .badSignalWorkflowExecutionAttributes,
            commands: [.signalExternal("x") { $0.namespace = "other" }]),
        Bad(
            name: "too many signals", cause: .pendingSignalsLimitExceeded,
            commands: (0...3).map { .signalExternal("\($0)") }),
        Bad(
            name: "nobody to cancel", cause: .badRequestCancelExternalWorkflowExecutionAttributes,
            commands: [.cancelExternal("")]),
        Bad(
            name: "bad run id to cancel",
            cause: .badRequestCancelExternalWorkflowExecutionAttributes,
            commands: [.cancelExternal("x") { $0.runID = "1" }]),
        Bad(
            name: "cancel in another namespace",
            cause: .badRequestCancelExternalWorkflowExecutionAttributes,
            commands: [.cancelExternal("x") { $0.namespace = "other" }]),
        Bad(
            name: "child started and canceled",
            cause: .badRequestCancelExternalWorkflowExecutionAttributes,
            commands: [.child(), .cancelExternal("c")]),
        Bad(
            name: "too many cancel requests", cause: .pendingRequestCancelLimitExceeded,
            commands: (0...3).map { .cancelExternal("\($0)") }),
        Bad(
            name: "name too long", cause: .badRecordMarkerAttributes,
            commands: [.marker(String(repeating: "x", count: 1_001))]),
        Bad(
            name: "negative priority", cause: .badScheduleActivityAttributes,
            commands: [.activity { $0.priority.priorityKey = -1 }]),
        Bad(
            name: "activity on the system's task queue", cause: .badScheduleActivityAttributes,
            commands: [.activity { $0.taskQueue.name = "temporal-sys-per-ns-tq" }]),
        Bad(
            name: "child on the system's task queue", cause: .badStartChildExecutionAttributes,
            commands: [.child { $0.taskQueue.name = "temporal-sys-per-ns-tq" }]),
        Bad(
            name: "next run on the system's task queue", cause: .badContinueAsNewAttributes,
            commands: [.continueAsNew { $0.taskQueue.name = "temporal-sys-per-ns-tq" }]),
        Bad(
            name: "internal task queue of the next run", cause: .badContinueAsNewAttributes,
            commands: [.continueAsNew { $0.taskQueue.name = "/_sys/x/1" }]),
        Bad(
            name: "unknown endpoint", cause: .badScheduleNexusOperationAttributes,
            commands: [
                .with {
                    $0.commandType = .scheduleNexusOperation
                    $0.scheduleNexusOperationCommandAttributes.endpoint = "nowhere"
                }
            ]),
        Bad(
            name: "unknown operation", cause: .badRequestCancelNexusOperationAttributes,
            commands: [
                .with {
                    $0.commandType = .requestCancelNexusOperation
                    $0.requestCancelNexusOperationCommandAttributes.scheduledEventID = 5
                }
            ]),
    ]

    /// What a command of each type is blamed for that says nothing.
    static let causesWithoutAttributes:
        [Temporal_Api_Enums_V1_CommandType: WorkflowTaskFailedCause] =
            [
                .scheduleActivityTask: .badScheduleActivityAttributes,
                .requestCancelActivityTask: .badRequestCancelActivityAttributes,
                .startTimer: .badStartTimerAttributes,
                .cancelTimer: .badCancelTimerAttributes,
                .recordMarker: .badRecordMarkerAttributes,
                .upsertWorkflowSearchAttributes: .badSearchAttributes,
                .modifyWorkflowProperties: .badModifyWorkflowPropertiesAttributes,
                .completeWorkflowExecution: .badCompleteWorkflowExecutionAttributes,
                .failWorkflowExecution: .badFailWorkflowExecutionAttributes,
                .cancelWorkflowExecution: .badCancelWorkflowExecutionAttributes,
                .continueAsNewWorkflowExecution: .badContinueAsNewAttributes,
                .protocolMessage: .badUpdateWorkflowExecutionMessage,
                .startChildWorkflowExecution: .badStartChildExecutionAttributes,
                .signalExternalWorkflowExecution: .badSignalWorkflowExecutionAttributes,
                .requestCancelExternalWorkflowExecution:
                    .badRequestCancelExternalWorkflowExecutionAttributes,
                .scheduleNexusOperation: .badScheduleNexusOperationAttributes,
                .requestCancelNexusOperation: .badRequestCancelNexusOperationAttributes,
            ]

    @Test("A bad command fails the task with its cause; nothing before it counts", arguments: bad)
    func badCommands(_ bad: Bad) throws {
        let shard = ShardHarness {
            $0.pendingActivitiesMax = 3
            $0.pendingChildrenMax = 3
            $0.pendingSignalsMax = 3
            $0.pendingCancelRequestsMax = 3
        }
        try shard.start()
        let task = try shard.takeWorkflowTask()
        let refusal = shard.refusal(
            try shard.completion(of: task, [.marker("before")] + bad.commands))
        #expect(refusal?.kind == .invalidArgument)
        #expect(try shard.history(after: 3) == "4 WorkflowTaskFailed")
        let failed = try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes
        #expect(failed.cause == bad.cause)
        #expect(failed.identity == "worker")
        #expect(failed.failure.message == refusal?.message)
        // The next attempt fails without a trace and runs into its timeout.
        let again = try shard.takeWorkflowTask()
        #expect(again.attempt == 2)
        #expect(
            shard.refusal(try shard.completion(of: again, bad.commands))?.kind == .invalidArgument)
        #expect(shard.handedOver.isEmpty)
        shard.wait(.seconds(10))
        #expect(try shard.history(after: 3) == "4 WorkflowTaskFailed")
        #expect(try shard.takeWorkflowTask().attempt == 3)
    }

    @Test(
        "What the frontend finds wrong fails the task as what history finds", arguments: [1, nil])
    func flaws(commandIndex: Int?) throws {
        let shard = ShardHarness()
        try shard.start()
        let flaw = CompletionFlaw(
            commandIndex: commandIndex, cause: .badSearchAttributes, message: "Nope")
        let commands: [Command] = [.marker("m"), .timer("t", after: .seconds(1))]
        var task = try shard.takeWorkflowTask()
        let refusal = shard.refusal(try shard.completion(of: task, commands, flaw: flaw))
        #expect(refusal == .invalidArgument("BadSearchAttributes: Nope"))
        #expect(try shard.history(after: 3) == "4 WorkflowTaskFailed")
        let failed = try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes
        #expect(failed.cause == .badSearchAttributes && failed.identity == "worker")
        // A later attempt runs into its timeout: a worker that keeps failing is slowed.
        task = try shard.takeWorkflowTask()
        #expect(
            shard.refusal(try shard.completion(of: task, commands, flaw: flaw))
                == .invalidArgument("BadSearchAttributes: Nope"))
        #expect(shard.handedOver.isEmpty)
        try shard.complete(task, .complete())
        #expect(try shard.lastEvent(.workflowExecutionCompleted).eventID == 8)
    }

    @Test("A command before the one the frontend found wrong is blamed first")
    func flawAfterFailure() throws {
        let shard = ShardHarness()
        try shard.start()
        let flaw = CompletionFlaw(commandIndex: 1, cause: .badSearchAttributes, message: "Nope")
        let task = try shard.takeWorkflowTask()
        _ = shard.refusal(
            try shard.completion(of: task, [.cancelTimer("t"), .marker("m")], flaw: flaw))
        let failed = try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes
        #expect(failed.cause == .badCancelTimerAttributes)
    }

    @Test(
        "A command without attributes, or with those of another type, fails the task",
        arguments: Temporal_Api_Enums_V1_CommandType.allCases.filter { $0 != .unspecified })
    func withoutAttributes(type: Temporal_Api_Enums_V1_CommandType) throws {
        let other: Command = type == .startTimer ? .marker("m") : .timer("t", after: .seconds(1))
        for attributes in [nil, other.attributes] {
            let shard = ShardHarness()
            try shard.start()
            let task = try shard.takeWorkflowTask()
            let command = Command.with {
                $0.commandType = type
                $0.attributes = attributes
            }
            let refusal = shard.refusal(try shard.completion(of: task, [command]))
            #expect(refusal?.kind == .invalidArgument)
            #expect(try shard.history(after: 3) == "4 WorkflowTaskFailed")
            let failed = try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes
            #expect(failed.cause == Self.causesWithoutAttributes[type])
            #expect(failed.failure.message == refusal?.message)
        }
    }

    @Test(
        "Commands that no state could carry out are refused; the task stays",
        arguments: [
            [Command.complete(), .marker("m")], [.continueAsNew(), .complete()], [Command()],
            [.with { $0.commandType = .UNRECOGNIZED(99) }],
        ])
    func impossibleSequences(commands: [Command]) throws {
        let shard = ShardHarness()
        try shard.start()
        let task = try shard.takeWorkflowTask()
        #expect(shard.refusal(try shard.completion(of: task, commands))?.kind == .invalidArgument)
        #expect(try shard.events().count == 3)
        try shard.complete(task, .complete())
    }

    @Test("A payload that is too large ends the run")
    func tooLarge() throws {
        let shard = ShardHarness { $0.blobSizeErrorMax = 1_000 }
        try shard.start()
        let task = try shard.takeWorkflowTask()
        let refusal = shard.refusal(try shard.completion(of: task, [.marker("m", 2_000)]))
        #expect(refusal?.kind == .invalidArgument)
        #expect(
            try shard.history(after: 3) == "4 WorkflowTaskFailed\n5 WorkflowExecutionTerminated")
        #expect(shard.handedOver.isEmpty)
    }

    @Test("Memo and search attributes change, and go with a null value")
    func upserts() throws {
        let shard = ShardHarness()
        let runID = try shard.start { $0.memo.fields["old"] = .with { $0.data = Data("1".utf8) } }
        try shard.work(
            .upsertMemo(["new": "2"]), .upsertSearchAttributes(["K": "\"v\"", "L": "\"w\""]))
        var info = try shard.describe().workflowExecutionInfo
        #expect(info.memo.fields.keys.sorted() == ["new", "old"])
        #expect(info.searchAttributes.indexedFields.keys.sorted() == ["BuildIds", "K", "L"])
        try shard.signal("go")
        try shard.work(.upsertSearchAttributes(["K": "[]"]))
        info = try shard.describe().workflowExecutionInfo
        #expect(info.searchAttributes.indexedFields.keys.sorted() == ["BuildIds", "L"])
        #expect(
            shard.store.visibility[shard.key(runID)]?.searchAttributes.keys.sorted() == [
                "BuildIds", "L",
            ])
        #expect(
            try shard.history(after: 4) == """
                5 WorkflowPropertiesModified
                6 UpsertWorkflowSearchAttributes
                7 WorkflowExecutionSignaled
                8 WorkflowTaskScheduled
                9 WorkflowTaskStarted
                10 WorkflowTaskCompleted
                11 UpsertWorkflowSearchAttributes
                """)
    }

    @Test("What a command carries for people is on its event")
    func userMetadata() throws {
        let shard = ShardHarness()
        try shard.start()
        var command = Command.timer("t", after: .seconds(1))
        command.userMetadata.summary.data = Data("nap".utf8)
        try shard.work(command)
        #expect(try shard.lastEvent(.timerStarted).userMetadata.summary.data == Data("nap".utf8))
    }

    struct Timeouts: Sendable {
        let given: [Int64]
        let run: Int64
        let expected: [Int64]
    }

    /// Schedule to close, schedule to start, start to close, heartbeat.
    static let timeouts = [
        Timeouts(given: [100, 0, 0, 0], run: 0, expected: [100, 100, 100, 0]),
        Timeouts(given: [100, 200, 50, 70], run: 0, expected: [100, 100, 50, 50]),
        Timeouts(given: [0, 0, 10, 0], run: 0, expected: [0, 0, 10, 0]),
        Timeouts(given: [0, 0, 10, 20], run: 60, expected: [60, 60, 10, 10]),
        Timeouts(given: [100, 0, 90, 80], run: 60, expected: [60, 60, 60, 60]),
    ]

    @Test(
        "An activity's timeouts are filled in from each other and from the run's",
        arguments: timeouts)
    func normalizedTimeouts(_ timeouts: Timeouts) throws {
        let shard = ShardHarness()
        try shard.start { $0.workflowRunTimeout = Duration.seconds(timeouts.run).proto }
        try shard.work(
            .activity {
                $0.scheduleToCloseTimeout = Duration.seconds(timeouts.given[0]).proto
                $0.scheduleToStartTimeout = Duration.seconds(timeouts.given[1]).proto
                $0.startToCloseTimeout = Duration.seconds(timeouts.given[2]).proto
                $0.heartbeatTimeout = Duration.seconds(timeouts.given[3]).proto
                $0.taskQueue.name = ""
            })
        let scheduled = try shard.lastEvent(.activityTaskScheduled)
            .activityTaskScheduledEventAttributes
        let seconds = [
            scheduled.scheduleToCloseTimeout, scheduled.scheduleToStartTimeout,
            scheduled.startToCloseTimeout, scheduled.heartbeatTimeout,
        ].map(\.seconds)
        #expect(seconds == timeouts.expected)
        #expect(scheduled.taskQueue.name == "queue")
        #expect(scheduled.retryPolicy.initialInterval.seconds == 1)
        #expect(scheduled.retryPolicy.backoffCoefficient == 2)
        #expect(scheduled.retryPolicy.maximumInterval.seconds == 100)
    }
}
