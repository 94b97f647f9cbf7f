import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct WorkflowTaskTests {
    @Test("A run starts, is worked on and completes")
    func startToComplete() throws {
        let shard = ShardHarness()
        let runID = try shard.start()
        let task = try shard.takeWorkflowTask()
        #expect(
            task.history.events.text
                == "1 WorkflowExecutionStarted\n2 WorkflowTaskScheduled\n3 WorkflowTaskStarted")
        #expect(task.startedEventID == 3)
        #expect(task.previousStartedEventID == 0)
        #expect(task.attempt == 1)
        #expect(task.nextPageToken.isEmpty)
        try shard.complete(task, .complete())
        #expect(
            try shard.history(runID) == """
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionCompleted
                """)
        let description = try shard.describe()
        #expect(description.workflowExecutionInfo.status == .completed)
        #expect(description.workflowExecutionInfo.historyLength == 5)
        #expect(shard.store.visibility[shard.key(runID)]?.status == 2)
        #expect(!description.hasPendingWorkflowTask)
    }

    @Test("Events are written in batches that end where a worker may read")
    func batches() throws {
        let shard = ShardHarness()
        let runID = try shard.start()
        try shard.work(.timer("t", after: .seconds(1)), .marker("m"))
        let nodes = shard.store.history[shard.key(runID)] ?? []
        #expect(nodes.map(\.firstEventID) == [1, 3, 4])
        #expect(nodes.map(\.lastEventID) == [2, 3, 6])
    }

    @Test("What comes while a task is with a worker waits for its answer")
    func buffering() throws {
        let shard = ShardHarness()
        try shard.start()
        let task = try shard.takeWorkflowTask()
        try shard.signal("one")
        try shard.signal("two")
        #expect(try shard.events().count == 3)
        try shard.complete(task, .timer("t", after: .seconds(60)))
        #expect(
            try shard.history() == """
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 TimerStarted
                6 WorkflowExecutionSignaled
                7 WorkflowExecutionSignaled
                8 WorkflowTaskScheduled
                """)
        let names = try shard.events().filter { $0.eventType == .workflowExecutionSignaled }
            .map(\.workflowExecutionSignaledEventAttributes.signalName)
        #expect(names == ["one", "two"])
        #expect(try shard.takeWorkflowTask().history.events.count == 9)
    }

    @Test("What ends an activity follows all else that waited, and names its started event")
    func bufferedActivityEnds() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.activity("a"), .activity("b"), .timer("t", after: .seconds(3)))
        let (first, second) = (try shard.takeActivity(), try shard.takeActivity())
        try shard.signal("go")
        let task = try shard.takeWorkflowTask()
        try shard.completeActivity(first)
        shard.wait(.seconds(4))
        try shard.completeActivity(second)
        try shard.complete(task)
        #expect(
            try shard.history().hasSuffix(
                """
                8 WorkflowExecutionSignaled
                9 WorkflowTaskScheduled
                10 WorkflowTaskStarted
                11 WorkflowTaskCompleted
                12 ActivityTaskStarted
                13 TimerFired
                14 ActivityTaskStarted
                15 ActivityTaskCompleted
                16 ActivityTaskCompleted
                17 WorkflowTaskScheduled
                """))
        let ends = try shard.events().filter { $0.eventType == .activityTaskCompleted }
            .map(\.activityTaskCompletedEventAttributes)
        #expect(ends.map(\.scheduledEventID) == [5, 6])
        #expect(ends.map(\.startedEventID) == [12, 14])
    }

    @Test("Too many waiting events take the task away from its worker")
    func bufferLimit() throws {
        let shard = ShardHarness { $0.bufferedEventsMax = 2 }
        try shard.start()
        let task = try shard.takeWorkflowTask()
        for _ in 0..<3 { try shard.signal("go") }
        #expect(
            try shard.history().hasSuffix(
                """
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed
                5 WorkflowExecutionSignaled
                6 WorkflowExecutionSignaled
                7 WorkflowExecutionSignaled
                8 WorkflowTaskScheduled
                """))
        #expect(
            try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes.cause
                == .forceCloseCommand)
        let refusal = shard.refusal(try shard.completion(of: task, [.complete()]))
        #expect(refusal?.kind == .notFound)
    }

    @Test("Only the first failure of a streak is in history")
    func transientAttempts() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.failTask(try shard.takeWorkflowTask())
        let first = """
            1 WorkflowExecutionStarted
            2 WorkflowTaskScheduled
            3 WorkflowTaskStarted
            4 WorkflowTaskFailed
            """
        #expect(try shard.history() == first)
        for attempt in Int32(2)...4 {
            let task = try shard.takeWorkflowTask()
            #expect(task.attempt == attempt)
            #expect(task.startedEventID == 6)
            #expect(
                task.history.events.text == first
                    + "\n5 WorkflowTaskScheduled\n6 WorkflowTaskStarted")
            try shard.failTask(task)
            #expect(try shard.history() == first)
        }
        #expect(try shard.describe().pendingWorkflowTask.attempt == 5)
        try shard.work(.complete())
        #expect(
            try shard.history() == first + """

                5 WorkflowTaskScheduled
                6 WorkflowTaskStarted
                7 WorkflowTaskCompleted
                8 WorkflowExecutionCompleted
                """)
        #expect(
            try shard.lastEvent(.workflowTaskScheduled).workflowTaskScheduledEventAttributes.attempt
                == 5)
    }

    @Test("A task whose worker does not answer is given out again")
    func startToCloseTimeout() throws {
        let shard = ShardHarness()
        try shard.start()
        let lost = try shard.takeWorkflowTask()
        shard.wait(.seconds(9))
        #expect(shard.handedOver.isEmpty)
        shard.wait(.seconds(1))
        #expect(try shard.history().hasSuffix("4 WorkflowTaskTimedOut"))
        #expect(
            try shard.lastEvent(.workflowTaskTimedOut).workflowTaskTimedOutEventAttributes
                .timeoutType
                == .startToClose)
        let task = try shard.takeWorkflowTask()
        #expect(task.attempt == 2)
        #expect(
            shard.refusal(try shard.completion(of: lost, []))?.message == "Workflow task not found."
        )
        shard.wait(.seconds(10))
        #expect(try shard.history().hasSuffix("4 WorkflowTaskTimedOut"))
        #expect(try shard.takeWorkflowTask().attempt == 3)
    }

    @Test("From the fourth attempt on a task's timeout grows")
    func growingTimeout() throws {
        let shard = ShardHarness()
        try shard.start()
        var waits: [Int64] = []
        for _ in 1...8 {
            _ = try shard.takeWorkflowTask()
            let taken = shard.now
            while shard.handedOver.isEmpty { shard.wait(.seconds(1)) }
            waits.append((shard.now - taken).components.seconds)
        }
        #expect(Array(waits.prefix(3)) == [10, 10, 10])
        #expect(zip(waits.dropFirst(2), waits.dropFirst(3)).allSatisfy { $0 < $1 })
        #expect(waits.last.map { $0 < 700 } == true)
    }

    @Test("A transient task that new events overtake becomes a normal one")
    func transientBecomesNormal() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.failTask(try shard.takeWorkflowTask())
        try shard.failTask(try shard.takeWorkflowTask())
        try shard.signal("go")
        let requestID = "same"
        let dispatch = try #require(shard.handedOver.last)
        let task = try shard.takeWorkflowTask(requestID: requestID)
        #expect(task.attempt == 1)
        #expect(task.startedEventID == 7)
        let again = try shard.take(dispatch, requestID: requestID)
        #expect(again == task)
        try shard.complete(task, .complete())
        #expect(
            try shard.history().hasSuffix(
                """
                4 WorkflowTaskFailed
                5 WorkflowExecutionSignaled
                6 WorkflowTaskScheduled
                7 WorkflowTaskStarted
                8 WorkflowTaskCompleted
                9 WorkflowExecutionCompleted
                """))
    }

    @Test("After a failure, events that waited make the next task a normal one")
    func failureWithBufferedEvents() throws {
        let shard = ShardHarness()
        try shard.start()
        let task = try shard.takeWorkflowTask()
        try shard.signal("go")
        try shard.failTask(task)
        #expect(
            try shard.history().hasSuffix(
                """
                4 WorkflowTaskFailed
                5 WorkflowExecutionSignaled
                6 WorkflowTaskScheduled
                """))
        #expect(try shard.takeWorkflowTask().attempt == 1)
    }

    @Test(
        "A run does not close over events its worker has not seen",
        arguments: [
            Command.complete(), .fail(), .cancelRun, .continueAsNew(),
        ])
    func unhandledCommand(close: Command) throws {
        let shard = ShardHarness()
        try shard.start()
        let task = try shard.takeWorkflowTask()
        try shard.signal("go")
        let refusal = shard.refusal(try shard.completion(of: task, [.marker("m"), close]))
        #expect(refusal == .invalidArgument("UnhandledCommand"))
        #expect(
            try shard.history().hasSuffix(
                """
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed
                5 WorkflowExecutionSignaled
                6 WorkflowTaskScheduled
                """))
        #expect(
            try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes.cause
                == .unhandledCommand)
        let next = try shard.takeWorkflowTask()
        let busy = shard.refusal(shard.signalOperation("late"))
        #expect(
            busy?.kind == .resourceExhausted(cause: .busyWorkflow, scope: .namespace))
        try shard.complete(next, .complete())
        #expect(try shard.describe().workflowExecutionInfo.status == .completed)
    }

    @Test("A poll that repeats itself gets the same task, another one does not")
    func startedOnce() throws {
        let shard = ShardHarness()
        try shard.start()
        let dispatch = try #require(shard.handedOver.first)
        let task = try shard.take(dispatch, requestID: "one")
        #expect(try shard.take(dispatch, requestID: "one") == task)
        let other = shard.workflowStart(of: dispatch, requestID: "two")
        #expect(shard.refusal(.recordWorkflowTaskStarted(other))?.kind == .taskAlreadyStarted)
        try shard.complete(task)
        #expect(shard.refusal(.recordWorkflowTaskStarted(other))?.kind == .obsoleteTask)
    }

    @Test("A task of an earlier attempt stands for nothing")
    func staleStamp() throws {
        let shard = ShardHarness()
        try shard.start()
        let old = try #require(shard.handedOver.first)
        try shard.failTask(try shard.takeWorkflowTask())
        let start = shard.workflowStart(of: old)
        #expect(shard.refusal(.recordWorkflowTaskStarted(start))?.kind == .obsoleteTask)
    }

    @Test("A worker may ask for more time, but not for ever")
    func heartbeats() throws {
        let shard = ShardHarness()
        try shard.start()
        for _ in 0..<225 {
            let task = try shard.takeWorkflowTask()
            shard.wait(.seconds(8))
            try shard.complete(task) { $0.forceCreateNewWorkflowTask = true }
        }
        let task = try shard.takeWorkflowTask()
        shard.wait(.seconds(8))
        let refusal = shard.refusal(
            try shard.completion(of: task, []) { $0.forceCreateNewWorkflowTask = true })
        #expect(refusal == .notFound("workflow task heartbeat timeout"))
        #expect(try shard.events().last?.eventType == .workflowTaskTimedOut)
    }

    @Test("A message that is too large for gRPC ends the run")
    func messageTooLarge() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.failTask(try shard.takeWorkflowTask(), cause: .grpcMessageTooLarge)
        #expect(
            try shard.history().hasSuffix("4 WorkflowTaskFailed\n5 WorkflowExecutionTerminated"))
    }

    @Test("A run that grows beyond the limit is terminated")
    func historyCountLimit() throws {
        let shard = ShardHarness { $0.historyCountErrorMax = 6 }
        try shard.start()
        let task = try shard.takeWorkflowTask()
        let body = try shard.completion(of: task, [.marker("a"), .marker("b"), .marker("c")])
        #expect(
            shard.refusal(body)
                == .invalidArgument("Workflow history count exceeds limit."))
        let event = try shard.lastEvent(.workflowExecutionTerminated)
        #expect(
            event.workflowExecutionTerminatedEventAttributes.reason
                == "Workflow history count exceeds limit.")
    }

    @Test("A started task suggests to continue as new when history gets long")
    func suggestContinueAsNew() throws {
        let shard = ShardHarness { $0.historyCountSuggestContinueAsNew = 6 }
        try shard.start()
        try shard.work(.marker("a"))
        #expect(
            !(try shard.lastEvent(.workflowTaskStarted).workflowTaskStartedEventAttributes
                .suggestContinueAsNew))
        try shard.signal("go")
        _ = try shard.takeWorkflowTask()
        let started = try shard.lastEvent(.workflowTaskStarted).workflowTaskStartedEventAttributes
        #expect(started.suggestContinueAsNew)
        #expect(started.historySizeBytes > 0)
    }
}
