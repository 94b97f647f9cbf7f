import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct DeleteTests {
    @Test("A closed run is removed with all it has", arguments: [true, false])
    func closed(isNamed: Bool) throws {
        let shard = ShardHarness()
        let runID = try shard.start()
        try shard.work(.complete())
        try shard.call(.delete(runID: isNamed ? runID : ""))
        #expect(shard.store.runs.isEmpty && shard.store.history.isEmpty)
        #expect(shard.store.visibility.isEmpty && shard.store.currentRuns.isEmpty)
        #expect(shard.refusal(.describe(runID: runID))?.kind == .notFound)
        #expect(shard.refusal(.delete(runID: runID))?.kind == .notFound)
        shard.wait(.seconds(100_000))
        #expect(shard.store.tasks.isEmpty)
        try shard.start { $0.workflowIDReusePolicy = .rejectDuplicate }
    }

    @Test("An open run is terminated, then removed")
    func open() throws {
        let shard = ShardHarness()
        let runID = try shard.start()
        let task = try shard.takeWorkflowTask()
        shard.holdsCommits = true
        let id = shard.send(.delete(runID: runID))
        let batch = try #require(shard.heldBatches.first)
        let events = try batch.history.flatMap {
            try Temporal_Api_History_V1_History(serializedBytes: $0.events).events
        }
        let end = try #require(events.last).workflowExecutionTerminatedEventAttributes
        #expect(end.reason == "Delete workflow execution" && end.identity == "history-service")
        shard.holdsCommits = false
        shard.releaseCommits()
        guard case .success = shard.replies[id] else {
            Issue.record("\(String(describing: shard.replies[id]))")
            return
        }
        #expect(shard.store.runs.isEmpty && shard.store.visibility.isEmpty)
        #expect(
            shard.refusal(try shard.completion(of: task, [.complete()]))?.kind == .notFound)
    }

    @Test("An older run is removed without the current one")
    func older() throws {
        let shard = ShardHarness()
        let first = try shard.start()
        try shard.work(.complete())
        let second = try shard.start()
        try shard.call(.delete(runID: first))
        #expect(Set(shard.store.runs.keys) == [shard.key(second)])
        #expect(shard.currentRun() == second)
        try shard.work(.complete())
    }

    @Test("A run that does not exist cannot be deleted")
    func missing() {
        let shard = ShardHarness()
        #expect(shard.refusal(.delete(runID: ""))?.message == "workflow not found for ID: w")
    }

    @Test("Deleting again before it is done changes nothing")
    func twice() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.complete())
        shard.holdsCommits = true
        let ids = [shard.send(.delete(runID: "")), shard.send(.delete(runID: ""))]
        shard.holdsCommits = false
        shard.releaseCommits()
        for id in ids {
            if case .failure(let error) = shard.replies[id] { #expect(error.kind == .notFound) }
        }
        #expect(shard.store.runs.isEmpty)
    }

    @Test("The parent of a deleted child learns that it was terminated; then it is gone")
    func child() throws {
        let shard = try ChildTests.family()
        try shard.work(on: "w")
        shard.sentRequestFault = { _ in .unavailable("busy") }
        try shard.call(.delete(runID: ""), to: "c")
        #expect(shard.currentRun("c") != "", "it is needed until its parent knows")
        shard.sentRequestFault = { _ in nil }
        shard.wait(.seconds(60))
        #expect(shard.currentRun("c") == "")
        #expect(
            try shard.history(after: 9) == """
                10 ChildWorkflowExecutionTerminated
                11 WorkflowTaskScheduled
                """)
    }

    @Test("A deletion survives any commit that fails", arguments: 0..<4, [true, false])
    func crashes(nth: Int, isWritten: Bool) throws {
        let shard = try ChildTests.family()
        shard.commitFaults =
            Array(repeating: nil, count: nth) + [
                isWritten ? .unknownThoughWritten : .refused(.unavailable("disk"))
            ]
        let id = shard.send(.delete(runID: ""))
        shard.wait(.seconds(120))
        shard.commitFaults = []
        if case .success = shard.replies[id] {
            // It was promised.
        } else {
            _ = shard.send(.delete(runID: ""))
            shard.wait(.seconds(120))
        }
        #expect(shard.currentRun("w") == "")
        #expect(try shard.events(nil, "c").last?.eventType == .workflowExecutionTerminated)
        shard.wait(.seconds(10))
        #expect(shard.store.tasks.isEmpty)
    }

    @Test("No commit removes more runs than it may")
    func many() throws {
        let shard = ShardHarness { $0.deletedRunsPerCommitMax = 2 }
        for number in 0..<7 {
            let id = WorkflowID("w\(number)")
            try shard.start(id)
            try shard.work(on: id, .complete())
        }
        shard.holdsCommits = true
        for number in 0..<7 { shard.send(.delete(runID: ""), to: WorkflowID("w\(number)")) }
        shard.holdsCommits = false
        shard.releaseCommits()
        shard.wait(.seconds(60))
        #expect(shard.store.runs.isEmpty)
        #expect(shard.deletedRunsPerCommit.allSatisfy { $0 <= 2 })
    }
}
