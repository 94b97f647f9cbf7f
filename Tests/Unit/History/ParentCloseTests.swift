import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

typealias ClosePolicy = Temporal_Api_Enums_V1_ParentClosePolicy

@Suite struct ParentCloseTests {
    struct End: Sendable, CustomTestStringConvertible {
        let name: String
        let reach: @Sendable (ShardHarness) throws -> Void
        var testDescription: String { self.name }
    }

    static let ends: [End] = [
        End(name: "completes") { try $0.work(on: "w", .complete()) },
        End(name: "fails") { try $0.work(on: "w", .fail()) },
        End(name: "is cancelled") { try $0.work(on: "w", .cancelRun) },
        End(name: "continues as new") { try $0.work(on: "w", .continueAsNew()) },
        End(name: "is terminated") { try $0.terminate() },
        End(name: "times out") { $0.wait(.seconds(61)) },
        End(name: "is deleted") { try $0.call(.delete(runID: "")) },
    ]

    private static func family(_ policy: ClosePolicy, retries: Bool = false) throws -> ShardHarness
    {
        let shard = ShardHarness()
        try shard.start {
            $0.workflowRunTimeout = Duration.seconds(60).proto
            if retries { $0.retryPolicy = .attempts(3) }
        }
        try shard.work(on: "w", .child { $0.parentClosePolicy = policy })
        return shard
    }

    @Test("A child is terminated when its parent closes, however", arguments: ends)
    func terminate(_ end: End) throws {
        let shard = try Self.family(.terminate)
        try end.reach(shard)
        let last = try #require(try shard.events(nil, "c").last)
        #expect(last.eventType == .workflowExecutionTerminated)
        let attributes = last.workflowExecutionTerminatedEventAttributes
        #expect(attributes.reason == "by parent close policy")
        #expect(attributes.identity == "history-service")
    }

    @Test("A child is asked to cancel itself when its parent closes, however", arguments: ends)
    func requestCancel(_ end: End) throws {
        let shard = try Self.family(.requestCancel)
        let parent = shard.currentRun("w").rawValue
        try end.reach(shard)
        let event = try #require(
            try shard.events(nil, "c").last {
                $0.eventType == .workflowExecutionCancelRequested
            })
        let attributes = event.workflowExecutionCancelRequestedEventAttributes
        #expect(attributes.externalWorkflowExecution.runID == parent)
        #expect(attributes.externalWorkflowExecution.workflowID == "w")
        try shard.work(on: "c", .cancelRun)
        #expect(try shard.events(nil, "c").last?.eventType == .workflowExecutionCanceled)
    }

    @Test("An abandoned child goes on when its parent closes, however", arguments: ends)
    func abandon(_ end: End) throws {
        let shard = try Self.family(.abandon)
        try end.reach(shard)
        try shard.work(on: "c", .complete())
        #expect(try shard.events(nil, "c").last?.eventType == .workflowExecutionCompleted)
    }

    @Test("Children are closed at the end of a parent's run that is retried")
    func retried() throws {
        let shard = try Self.family(.terminate, retries: true)
        try shard.work(on: "w", .fail())
        #expect(try shard.events(nil, "c").last?.eventType == .workflowExecutionTerminated)
    }

    @Test("The current run of a child's chain is closed")
    func chain() throws {
        let shard = try Self.family(.terminate)
        try shard.work(on: "c", .continueAsNew())
        try shard.terminate()
        #expect(try shard.events(nil, "c").last?.eventType == .workflowExecutionTerminated)
    }

    @Test("A workflow that has taken the child's id since is left alone")
    func stranger() throws {
        let shard = try Self.family(.terminate)
        try shard.holding { try shard.call(.terminate(.init()), to: "c") }
        shard.handedOver.removeAll { $0.run.workflowID == "c" }
        try shard.start("c")
        try shard.terminate()
        shard.holdsSent = false
        shard.releaseSent()
        shard.wait(.seconds(5))
        try shard.work(on: "c", .complete())
    }

    @Test("Any number of children is closed, a few at a time", arguments: [1, 7, 1_000])
    func many(atATime: Int) throws {
        let shard = ShardHarness { $0.closingChildrenMax = atATime }
        try shard.start()
        let task = try shard.takeWorkflowTask(of: "w")
        try shard.call(
            shard.completion(of: task, (0..<60).map { .child("c\($0)") }), to: "w")
        shard.holdsSent = true
        try shard.terminate()
        var most = 0
        while shard.heldSentCount > 0 {
            most = max(most, shard.heldSentCount)
            shard.releaseSent()
        }
        #expect(most <= max(atATime, 60) && (atATime >= 60 || most <= 2 * atATime))
        for number in 0..<60 {
            let id = WorkflowID("c\(number)")
            #expect(try shard.events(nil, id).last?.eventType == .workflowExecutionTerminated)
        }
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }

    @Test("What a closed parent does to its children survives restarts", arguments: 0..<6)
    func restarts(after sent: Int) throws {
        let shard = try Self.family(.terminate)
        var left = sent
        shard.sentRequestFault = { _ in
            left -= 1
            return left < 0 ? .unavailable("gone") : nil
        }
        try shard.terminate()
        shard.restart()
        shard.sentRequestFault = { _ in nil }
        shard.wait(.seconds(10))
        #expect(try shard.events(nil, "c").last?.eventType == .workflowExecutionTerminated)
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }

    // MARK: Children that were on their way

    /// A parent that closes before the answer to its child's start has arrived.
    private static func early(
        _ policy: ClosePolicy, isStarted: Bool, restarts: Bool
    ) throws -> ShardHarness {
        let shard = ShardHarness()
        try shard.start()
        try shard.holding {
            try shard.work(on: "w", .child { $0.parentClosePolicy = policy })
        }
        if isStarted {
            // The child is created, but the parent closes before it is told.
            shard.holdsCommits = true
            shard.releaseSent()
            let id = shard.send(.terminate(.init()))
            shard.holdsSent = false
            shard.holdsCommits = false
            shard.releaseCommits()
            #expect(shard.replies[id] != nil)
        } else {
            try shard.terminate()
            shard.holdsSent = false
        }
        if restarts { shard.restart() } else { shard.releaseSent() }
        shard.wait(.seconds(5))
        return shard
    }

    @Test(
        "A child that its closed parent knows nothing of goes on if it is abandoned",
        arguments: [true, false], [true, false])
    func earlyAbandoned(isStarted: Bool, restarts: Bool) throws {
        let shard = try Self.early(.abandon, isStarted: isStarted, restarts: restarts)
        try shard.work(on: "c", .complete())
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }

    @Test(
        "A child that its closed parent knows nothing of does not stay behind",
        arguments: [ClosePolicy.terminate, .requestCancel], [true, false])
    func earlyClosed(policy: ClosePolicy, restarts: Bool) throws {
        let shard = try Self.early(policy, isStarted: true, restarts: restarts)
        if policy == .requestCancel { try shard.work(on: "c", .cancelRun) }
        let last = try shard.events(nil, "c").last?.eventType
        #expect(
            last
                == (policy == .terminate
                    ? .workflowExecutionTerminated : .workflowExecutionCanceled)
        )
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }

    @Test("A child that was not started yet is not started by a closed parent")
    func earlySkipped() throws {
        let shard = try Self.early(.terminate, isStarted: false, restarts: true)
        #expect(shard.currentRun("c") == "")
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }
}
