import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// What is sent between runs arrives at least once, whatever fails, and counts once.
@Suite struct ChildDurabilityTests {
    private static let expected = """
        5 StartChildWorkflowExecutionInitiated
        6 ChildWorkflowExecutionStarted
        7 WorkflowTaskScheduled
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 ChildWorkflowExecutionCompleted
        11 WorkflowTaskScheduled
        """

    /// A worker takes and completes the next workflow task of a workflow, if it is let.
    private func attempt(_ shard: ShardHarness, on id: WorkflowID, _ commands: [Command]) throws {
        guard let index = shard.handedOver.firstIndex(where: { $0.run.workflowID == id }) else {
            return
        }
        let dispatch = shard.handedOver.remove(at: index)
        let start = shard.send(
            .recordWorkflowTaskStarted(shard.workflowStart(of: dispatch)), to: id)
        switch shard.replies[start] {
        case .success(.workflowTaskStarted(let task)):
            shard.send(try shard.completion(of: task, commands), to: id)
        case .failure(let error) where !error.isRetryable: break
        default: shard.handedOver.append(dispatch)
        }
    }

    /// Goes from the parent's start to the child's result, with `disturb` before each step.
    private func run(_ shard: ShardHarness, _ disturb: () -> Void) throws {
        try shard.start()
        disturb()
        _ = try? shard.work(on: "w", .child())
        if try shard.events().count < 5 {
            // The answer was lost with the commit: the worker's next try.
            shard.wait(.seconds(60))
            try shard.work(on: "w", .child())
        }
        shard.wait(.seconds(120))
        disturb()
        if shard.hasWorkflowTask(of: "w") { _ = try? shard.work(on: "w") }
        shard.wait(.seconds(120))
        disturb()
        if shard.hasWorkflowTask(of: "c") { _ = try? shard.work(on: "c", .complete()) }
        shard.wait(.seconds(120))
    }

    @Test(
        "Every request between two runs may fail once or be lost with its answer", arguments: 0..<4)
    func failingRequests(nth: Int) throws {
        let shard = ShardHarness()
        var count = 0
        shard.sentRequestFault = { _ in
            count += 1
            return count == nth + 1 ? .unavailable("no") : nil
        }
        try self.run(shard) {}
        #expect(try shard.history(after: 4) == Self.expected)
        #expect(shard.store.tasks.isEmpty)
    }

    @Test("Every request between two runs may come twice", arguments: 0..<3)
    func doubled(nth: Int) throws {
        let shard = ShardHarness()
        try self.run(shard) {}
        let request = try #require(
            shard.sentRequests.count > nth ? shard.sentRequests[nth] : shard.sentRequests.last)
        let before = try (shard.history(), shard.history(nil, "c"))
        _ = shard.send(request.operation, to: request.workflowID)
        #expect(try shard.history() == before.0)
        #expect(try shard.history(nil, "c") == before.1)
    }

    @Test(
        "The process may end at any commit, written or not",
        arguments: 0..<16, [true, false])
    func failingCommits(nth: Int, isWritten: Bool) throws {
        let shard = ShardHarness()
        try shard.start()
        shard.commitFaults =
            Array(repeating: nil, count: nth) + [
                isWritten ? .unknownThoughWritten : .refused(.unavailable("disk"))
            ]
        let deadline = shard.now + .seconds(3_000)
        while shard.now < deadline {
            shard.wait(.seconds(1))
            try self.attempt(shard, on: "c", [.complete()])
            let isFirst = try shard.events().allSatisfy {
                $0.eventType != .startChildWorkflowExecutionInitiated
            }
            try self.attempt(shard, on: "w", isFirst ? [.child()] : [])
        }
        let types = try shard.events().map(\.eventType)
        #expect(types.count { $0 == .startChildWorkflowExecutionInitiated } == 1)
        #expect(types.count { $0 == .childWorkflowExecutionStarted } == 1)
        #expect(types.count { $0 == .childWorkflowExecutionCompleted } == 1)
        #expect(shard.store.history.keys.count { $0.workflowID == "c" } == 1)
        #expect(shard.store.tasks.isEmpty)
    }

    @Test("The process may end after any request between two runs", arguments: 0..<4)
    func restarts(nth: Int) throws {
        let shard = ShardHarness()
        try shard.start()
        shard.holdsSent = true
        var step = 0
        let deadline = shard.now + .seconds(300)
        while shard.now < deadline {
            shard.wait(.seconds(1))
            if shard.heldSentCount > 0 {
                if step == nth {
                    shard.restart()
                } else {
                    shard.releaseSent()
                }
                step += 1
            }
            if shard.hasWorkflowTask(of: "c") { try shard.work(on: "c", .complete()) }
            guard shard.hasWorkflowTask(of: "w") else { continue }
            let isFirst = try shard.events().count < 4
            if isFirst { try shard.work(on: "w", .child()) } else { try shard.work(on: "w") }
        }
        let types = try shard.events().map(\.eventType)
        #expect(types.count { $0 == .childWorkflowExecutionStarted } == 1)
        #expect(types.count { $0 == .childWorkflowExecutionCompleted } == 1)
        #expect(shard.store.tasks.isEmpty)
    }

    @Test("A shard without memory for a second run does all of it")
    func tinyCache() throws {
        let shard = ShardHarness { $0.shardCacheSizeMax = 0 }
        try self.run(shard) {}
        #expect(try shard.history(after: 4) == Self.expected)
        #expect(shard.store.tasks.isEmpty)
    }
}
