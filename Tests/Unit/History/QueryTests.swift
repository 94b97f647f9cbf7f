import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct QueryTests {
    typealias Reject = Temporal_Api_Enums_V1_QueryRejectCondition

    private func query(
        _ type: String = "state", rejecting condition: Reject = .none
    ) -> HistoryOperation {
        .query(
            .with {
                $0.query.queryType = type
                $0.queryRejectCondition = condition
            })
    }

    private func answer(_ shard: ShardHarness, _ id: HistoryShard.RequestID) throws -> [String] {
        guard case .queried(let response) = try #require(shard.replies[id]).get() else {
            throw UnexpectedReply()
        }
        let link = response.link.workflow
        #expect(link.namespace == "test" && link.workflowID == "w" && !link.runID.isEmpty)
        #expect(link.reason == "Query processed")
        return response.queryResult.texts
    }

    /// A run that has completed its first workflow task and waits.
    private func idle(sticky: Bool = false) throws -> ShardHarness {
        let shard = ShardHarness()
        try shard.start()
        let task = try shard.takeWorkflowTask()
        if sticky { try shard.completeSticky(task) } else { try shard.complete(task) }
        return shard
    }

    @Test("A query before the first task is done rides on that task")
    func buffered() throws {
        let shard = ShardHarness()
        try shard.start()
        let id = shard.send(self.query())
        let full = shard.refusal(self.query())
        #expect(full?.kind == .resourceExhausted(cause: .busyWorkflow, scope: .namespace))
        let task = try shard.takeWorkflowTask()
        let key = try #require(task.queries.keys.first)
        #expect(task.queries[key]?.queryType == "state")
        try shard.complete(task) {
            $0.queryResults[key] = .with {
                $0.resultType = .answered
                $0.answer = .text("fine")
            }
        }
        #expect(try self.answer(shard, id) == ["fine"])
        #expect(try shard.history().hasSuffix("4 WorkflowTaskCompleted"))
    }

    @Test("A worker may fail a query")
    func failed() throws {
        let shard = ShardHarness()
        try shard.start()
        let id = shard.send(self.query())
        let task = try shard.takeWorkflowTask()
        let key = try #require(task.queries.keys.first)
        try shard.complete(task) {
            $0.queryResults[key] = .with {
                $0.resultType = .failed
                $0.errorMessage = "no such query"
                $0.failure = .application("no such query")
            }
        }
        guard case .failure(let error) = shard.replies[id] else { throw UnexpectedReply() }
        #expect(error.kind == .queryFailed(.application("no such query")))
        #expect(error.message == "no such query")
    }

    @Test("An answer waits until the task that came with it is durable")
    func answersAreHeld() throws {
        let shard = ShardHarness()
        try shard.start()
        let id = shard.send(self.query())
        let task = try shard.takeWorkflowTask()
        let key = try #require(task.queries.keys.first)
        shard.holdsCommits = true
        shard.send(
            try shard.completion(of: task, []) {
                $0.queryResults[key] = .with { $0.resultType = .answered }
            })
        #expect(shard.replies[id] == nil)
        shard.releaseCommits()
        #expect(shard.replies[id] != nil)
    }

    @Test("A query the worker did not answer goes to a worker by itself")
    func unblocked() throws {
        let shard = ShardHarness()
        try shard.start()
        let id = shard.send(self.query())
        try shard.complete(try shard.takeWorkflowTask())
        let (queryID, dispatch) = try #require(shard.queries.first)
        #expect(dispatch.task.query.queryType == "state")
        shard.feed(.queryAnswered(queryID, .success(.with { $0.queryResult = .text("late") })))
        #expect(try self.answer(shard, id) == ["late"])
    }

    @Test("An idle run is asked directly, with its whole history")
    func direct() throws {
        let shard = try self.idle()
        let id = shard.send(self.query(), deadline: shard.now + .seconds(9))
        let (queryID, dispatch) = try #require(shard.queries.first)
        #expect(!dispatch.queue.isSticky)
        #expect(dispatch.queue.name == "queue")
        #expect(dispatch.deadline == shard.now + .seconds(9))
        #expect(dispatch.task.history.events.text == (try shard.history()))
        #expect(dispatch.task.startedEventID == 0)
        #expect(dispatch.task.previousStartedEventID == 3)
        shard.feed(.queryAnswered(queryID, .success(.with { $0.queryResult = .text("fine") })))
        #expect(try self.answer(shard, id) == ["fine"])
        #expect(try shard.events().count == 4)
    }

    @Test("A closed run answers as well")
    func closed() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.complete())
        shard.send(self.query())
        #expect(shard.queries.first?.dispatch.task.history.events.count == 5)
    }

    @Test(
        "The worker that has the run in its cache is asked first, any other one then",
        arguments: [
            ServiceError(.stickyWorkerUnavailable, "gone"), ServiceError(.deadlineExceeded, "slow"),
        ])
    func stickyFallback(error: ServiceError) throws {
        let shard = try self.idle(sticky: true)
        let id = shard.send(self.query(), deadline: shard.now + .seconds(60))
        let first = try #require(shard.queries.first)
        #expect(first.dispatch.queue.name == "sticky")
        #expect(first.dispatch.deadline == shard.now + .seconds(5))
        #expect(first.dispatch.task.history.events.isEmpty)
        shard.wait(.seconds(5))
        shard.feed(.queryAnswered(first.id, .failure(error)))
        let second = try #require(shard.queries.last)
        #expect(second.dispatch.queue.name == "queue")
        #expect(second.dispatch.task.history.events.count == 4)
        shard.feed(.queryAnswered(second.id, .failure(ServiceError(.deadlineExceeded, "too late"))))
        guard case .failure(let refusal) = shard.replies[id] else { throw UnexpectedReply() }
        #expect(refusal.kind == .deadlineExceeded)
        try shard.signal("go")
        #expect(shard.handedOver.first?.queue.isSticky == false)
    }

    @Test("The caller may not want to hear from a closed run")
    func rejects() throws {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.complete())
        guard case .queried(let response) = try shard.call(self.query(rejecting: .notOpen)) else {
            throw UnexpectedReply()
        }
        #expect(response.queryRejected.status == .completed)
        shard.send(self.query(rejecting: .notCompletedCleanly))
        #expect(shard.queries.count == 1)
    }

    @Test("A run no worker can answer for says so")
    func notReady() throws {
        let shard = ShardHarness()
        try shard.start { $0.workflowStartDelay = Duration.seconds(60).proto }
        #expect(shard.refusal(self.query())?.kind == .workflowNotReady)
        try shard.terminate()
        #expect(shard.refusal(self.query())?.kind == .workflowNotReady)
        try shard.start()
        try shard.failTask(try shard.takeWorkflowTask())
        try shard.failTask(try shard.takeWorkflowTask())
        #expect(shard.refusal(self.query())?.kind == .workflowNotReady)
        #expect(shard.refusal(self.query(), to: "nobody")?.kind == .notFound)
    }

    @Test("Nobody waits for ever")
    func deadlines() throws {
        let shard = ShardHarness()
        try shard.start()
        let id = shard.send(self.query(), deadline: shard.now + .seconds(3))
        shard.wait(.seconds(3))
        guard case .failure(let error) = shard.replies[id] else { throw UnexpectedReply() }
        #expect(error.kind == .deadlineExceeded)
        #expect(try shard.takeWorkflowTask().queries.isEmpty)
    }

    @Test("A caller who goes away takes the query along")
    func cancellation() throws {
        let shard = try self.idle()
        shard.cancel(shard.send(self.query()))
        #expect(shard.canceledQueries == shard.queries.map(\.id))
        shard.holdsCommits = true
        shard.send(shard.signalOperation("x"))
        let held = shard.send(self.query())
        shard.cancel(held)
        shard.releaseCommits()
        #expect(shard.queries.count == 1)
    }
}
