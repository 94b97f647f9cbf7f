import MatchingCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct PartitionQueryTests {
    typealias Answer = Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest

    private func token(_ reply: PollReply?) throws -> StoredQueryToken? {
        guard case .success(.query(let task))? = reply else { return nil }
        return try StoredQueryToken(serializedBytes: task.taskToken)
    }

    /// A query a worker has, and the id of its task.
    private func delivered() throws -> (PartitionDriver, query: CallID, taskID: String) {
        var driver = PartitionDriver()
        let query = driver.query().call
        let poll = driver.poll()
        let token = try #require(try self.token(poll.effects.pollReplies[poll.call]))
        return (driver, query, token.taskID)
    }

    @Test("A query goes to a poll as a task with a token, before the lease is known")
    func delivery() throws {
        var driver = PartitionDriver()
        let query = driver.query()
        #expect(query.effects.isEmpty)
        let poll = driver.poll()
        guard case .success(.query(let task))? = poll.effects.pollReplies[poll.call] else {
            Issue.record("no query")
            return
        }
        #expect(task.query.queryType == "state")
        let token = try StoredQueryToken(serializedBytes: task.taskToken)
        #expect(token.namespaceID == namespace.id.rawValue)
        #expect(token.taskQueue == "queue")
        #expect(isUUID(token.taskID))
    }

    @Test("A worker's answer reaches the one who asked, once")
    func answered() throws {
        var (driver, query, taskID) = try self.delivered()
        let answer = Answer.with {
            $0.completedType = .answered
            $0.queryResult.payloads = [.with { $0.metadata["encoding"] = .init([1, 2]) }]
        }
        let call = driver.call()
        let effects = driver.feed(.queryAnswered(call, taskID: taskID, answer))
        #expect(
            effects == [
                .replyQuery(query, .success(.with { $0.queryResult = answer.queryResult })),
                .replyQueryAnswer(call, nil),
            ])
        let again = driver.call()
        #expect(
            driver.feed(.queryAnswered(again, taskID: taskID, answer))
                == [.replyQueryAnswer(again, .queryTaskNotFound)])
        #expect(driver.wait(60).queryReplies.isEmpty)
    }

    @Test("A failed answer is the caller's error, with a failure made up if there is none")
    func failed() throws {
        for hasFailure in [true, false] {
            var (driver, query, taskID) = try self.delivered()
            let failure = Temporal_Api_Failure_V1_Failure.with {
                $0.message = hasFailure ? "from the worker" : "broken"
            }
            let answer = Answer.with {
                $0.completedType = .failed
                $0.errorMessage = "broken"
                if hasFailure { $0.failure = failure }
            }
            let effects = driver.feed(.queryAnswered(driver.call(), taskID: taskID, answer))
            #expect(
                effects.queryReplies[query]
                    == .failure(ServiceError(.queryFailed(failure), "broken")))
        }
    }

    @Test("A query ends at its deadline, whether a worker has it or not")
    func deadline() throws {
        var (driver, query, taskID) = try self.delivered()
        #expect(driver.wait(9.9).queryReplies.isEmpty)
        #expect(driver.wait(0.1).queryReplies[query]?.refusal == .deadlineExceeded)
        let call = driver.call()
        let effects = driver.feed(.queryAnswered(call, taskID: taskID, Answer()))
        #expect(effects == [.replyQueryAnswer(call, .queryTaskNotFound)])
    }

    @Test("Just before its deadline a query says that nobody polls, if nobody does")
    func noPoller() {
        var driver = PartitionDriver()
        let query = driver.query(for: 10).call
        #expect(driver.wait(8.9).queryReplies.isEmpty)
        #expect(driver.wait(0.1).queryReplies[query]?.refusal == .failedPrecondition)
    }

    @Test("A worker seen lately lets a query wait for its whole time")
    func recentPoller() {
        var driver = PartitionDriver()
        let poll = driver.poll(for: 1)
        #expect(poll.effects == [.acquireLease])
        _ = driver.acquire()
        #expect(driver.wait(1).pollReplies.count == 1)
        let query = driver.query(for: 10).call
        #expect(driver.wait(9.5).queryReplies.isEmpty)
        #expect(driver.wait(0.5).queryReplies[query]?.refusal == .deadlineExceeded)
    }

    @Test("A withdrawn query is not given to a worker")
    func canceled() {
        var driver = PartitionDriver()
        let query = driver.query().call
        #expect(driver.feed(.queryCanceled(query)).queryReplies[query]?.refusal == .cancelled)
        #expect(driver.poll().effects.pollReplies.isEmpty)
    }

    @Test("Queries beyond the limit are refused, those workers have included")
    func queriesMax() {
        var driver = PartitionDriver { $0.queriesMax = 2 }
        _ = driver.query()
        _ = driver.query()
        _ = driver.poll()
        let third = driver.query()
        #expect(
            third.effects.queryReplies[third.call]?.refusal
                == .resourceExhausted(cause: .concurrentLimit, scope: .namespace))
    }

    @Test("Queries and tasks take turns")
    func turns() {
        var driver = PartitionDriver()
        let first = driver.poll()
        _ = driver.acquire()
        _ = driver.feed(.pollCanceled(first.call))
        for number: Int64 in 1...3 { _ = driver.add(number) }
        _ = driver.feed(.backlogAppended)
        _ = driver.feed(.backlogAppended)
        for _ in 0..<3 { _ = driver.query() }
        let kinds = (0..<6).map { _ in driver.poll().effects.starts.isEmpty ? "query" : "task" }
        #expect(kinds == ["query", "task", "query", "task", "query", "task"])
    }
}

@Suite struct PartitionStickyTests {
    private func sticky() -> PartitionDriver {
        PartitionDriver(taskQueue("sticky", isSticky: true))
    }

    @Test("A sticky queue nobody polled takes neither tasks nor queries")
    func neverPolled() {
        var driver = self.sticky()
        let add = driver.add(1), query = driver.query()
        #expect(add.effects.addReplies == [add.call: .stickyWorkerUnavailable])
        #expect(query.effects.queryReplies[query.call]?.refusal == .stickyWorkerUnavailable)
    }

    @Test("A sticky queue stays available for ten seconds after its last poll ended")
    func window() {
        var driver = self.sticky()
        _ = driver.poll(for: 30)
        _ = driver.acquire()
        #expect(driver.wait(30).pollReplies.count == 1)
        _ = driver.wait(10)
        #expect(driver.add(1).effects.addReplies.isEmpty)
        _ = driver.wait(0.1)
        let late = driver.add(2)
        #expect(late.effects.addReplies == [late.call: .stickyWorkerUnavailable])
    }

    @Test("When the worker leaves, everything goes elsewhere until somebody polls again")
    func workerLeft() {
        var driver = self.sticky()
        let poll = driver.poll().call
        _ = driver.acquire()
        _ = driver.feed(.pollCanceled(poll))
        let written = driver.add(1), waiting = driver.add(2), query = driver.query()
        let effects = driver.feed(.workerLeft)
        #expect(effects.addReplies == [waiting.call: .stickyWorkerUnavailable])
        #expect(effects.queryReplies[query.call]?.refusal == .stickyWorkerUnavailable)
        #expect(driver.feed(.backlogAppended).addReplies == [written.call: nil])
        let late = driver.add(3)
        #expect(late.effects.addReplies == [late.call: .stickyWorkerUnavailable])
        #expect(driver.poll().effects.startNumbers == [1])
        #expect(driver.add(4).effects.addReplies.isEmpty)
    }

    @Test("When the worker leaves, its waiting polls come back empty")
    func pollsEnd() {
        var driver = self.sticky()
        let poll = driver.poll().call
        _ = driver.acquire()
        #expect(driver.feed(.workerLeft).pollReplies == [poll: .success(.nothing)])
    }
}
