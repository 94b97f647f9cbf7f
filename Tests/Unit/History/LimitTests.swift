import DynamicConfig
import FoundationEssentials
import HistoryCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct LimitTests {
    private func reason(_ shard: ShardHarness) throws -> String {
        try shard.lastEvent(.workflowExecutionTerminated)
            .workflowExecutionTerminatedEventAttributes.reason
    }

    @Test("A run whose history is too large ends with the next thing that happens to it")
    func historySize() throws {
        let shard = ShardHarness { $0.historySizeErrorMax = 500 }
        try shard.start()
        try shard.work(.marker("a", 1_000))
        #expect(try shard.describe().workflowExecutionInfo.status == .running)
        #expect(
            shard.refusal(shard.signalOperation("s"))
                == .invalidArgument("Workflow history size exceeds limit."))
        #expect(try self.reason(shard) == "Workflow history size exceeds limit.")
        #expect(try !shard.history().contains("Signaled"))
        #expect(shard.refusal(shard.signalOperation("s"))?.kind == .notFound)
        try HistoryRules.check(shard, "after the end")
    }

    @Test("A run that is too large may still close by itself")
    func closing() throws {
        let shard = ShardHarness {
            $0.historySizeErrorMax = 1
            $0.historyCountErrorMax = 4
            $0.mutableStateSizeErrorMax = 2_000
        }
        try shard.start { $0.memo.fields["m"] = .with { $0.data = .init(count: 100) } }
        shard.handedOver = []
        try shard.terminate()
        #expect(try self.reason(shard) == "enough")
    }

    @Test("A poll that would take the task of such a run finds it closed")
    func poll() throws {
        let shard = ShardHarness { $0.historySizeErrorMax = 1 }
        try shard.start()
        let task = try #require(shard.handedOver.first)
        #expect(
            shard.refusal(.recordWorkflowTaskStarted(shard.workflowStart(of: task)))?.kind
                == .notFound)
        #expect(try self.reason(shard) == "Workflow history size exceeds limit.")
    }

    @Test("A run that keeps too much state is terminated, and its commands are dropped")
    func stateSize() throws {
        let shard = ShardHarness { $0.mutableStateSizeErrorMax = 2_000 }
        try shard.start()
        let task = try shard.takeWorkflowTask()
        let commands = (0..<100).map { Command.timer("timer-\($0)", after: .seconds(60)) }
        #expect(
            shard.refusal(try shard.completion(of: task, commands))
                == .invalidArgument("Workflow mutable state size exceeds limit."))
        #expect(
            try shard.history(after: 3) == "4 WorkflowTaskFailed\n5 WorkflowExecutionTerminated")
    }

    @Test("What is too large for one commit terminates the run, even if it would have closed it")
    func transactionSize() throws {
        for commands in [
            [Command.marker("a", 6_000), .marker("b", 6_000)],
            [.marker("a", 6_000), .complete(String(repeating: "x", count: 6_000))],
        ] {
            let shard = ShardHarness { $0.transactionSizeMax = 10_000 }
            try shard.start()
            let task = try shard.takeWorkflowTask()
            #expect(
                shard.refusal(try shard.completion(of: task, commands))
                    == .invalidArgument("Transaction size exceeds limit."))
            #expect(try self.reason(shard) == "Transaction size exceeds limit.")
        }
    }

    @Test("Too many bytes that wait for a worker take its task away from it")
    func bufferedBytes() throws {
        let shard = ShardHarness { $0.bufferedEventsSizeMax = 300 }
        try shard.start()
        _ = try shard.takeWorkflowTask()
        try shard.signal(String(repeating: "x", count: 200))
        #expect(try shard.history(after: 2) == "3 WorkflowTaskStarted")
        try shard.signal(String(repeating: "y", count: 200))
        #expect(
            try shard.history(after: 3) == """
                4 WorkflowTaskFailed
                5 WorkflowExecutionSignaled
                6 WorkflowExecutionSignaled
                7 WorkflowTaskScheduled
                """)
        #expect(
            try shard.lastEvent(.workflowTaskFailed).workflowTaskFailedEventAttributes.cause
                == .forceCloseCommand)
    }

    @Test("An operator hears of a run once when it gets large")
    func warning() throws {
        let shard = ShardHarness { $0.historyCountWarnMax = 3 }
        try shard.start()
        for number in 0..<4 { try shard.signal("s\(number)") }
        let reports = shard.reports.filter { if case .runLarge = $0 { true } else { false } }
        #expect(reports.count == 1)
    }

    @Test("Workflow tasks that fail again and again are reported until one completes")
    func problems() throws {
        let shard = ShardHarness()
        try shard.start()
        func problem() throws -> String? {
            try shard.describe().workflowExecutionInfo.searchAttributes
                .indexedFields["TemporalReportedProblems"].map {
                    String(decoding: $0.data, as: UTF8.self)
                }
        }
        for attempt in 1...5 {
            #expect(try problem() == nil, "before failure \(attempt)")
            try shard.failTask(try shard.takeWorkflowTask(), cause: .nonDeterministicError)
        }
        let failed =
            #"["category=WorkflowTaskFailed","cause=WorkflowTaskFailedCauseNonDeterministicError"]"#
        #expect(try problem() == failed)
        shard.restart()
        #expect(try problem() == failed)
        _ = try shard.takeWorkflowTask()
        shard.wait(.seconds(60))
        #expect(
            try problem()
                == #"["category=WorkflowTaskTimedOut","cause=WorkflowTaskTimedOutCauseStartToClose"]"#
        )
        // Those before it stand for attempts that are over.
        shard.handedOver = Array(shard.handedOver.suffix(1))
        try shard.work(.marker("a"))
        #expect(try problem() == nil)
        #expect(!(try shard.history().contains("SearchAttributes")))
    }
}
