import MatchingCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct PartitionMatchingTests {
    /// A partition that has its lease, an empty backlog and nobody waiting.
    private func ready(
        _ adjust: (inout PartitionLimits) -> Void = { _ in }
    ) -> PartitionDriver {
        var driver = PartitionDriver(adjust: adjust)
        let poll = driver.poll()
        _ = driver.acquire()
        _ = driver.feed(.pollCanceled(poll.call))
        return driver
    }

    @Test("A task goes to a poll that waits, without touching the store")
    func syncMatch() throws {
        var driver = self.ready()
        let poll = driver.poll()
        #expect(poll.effects.isEmpty)
        let add = driver.add(1)
        #expect(add.effects.startNumbers == [1])
        #expect(add.effects.count == 1)
        let done = driver.feed(.taskStartSucceeded(poll.call, started(1)))
        #expect(done.addReplies == [add.call: nil])
        #expect(done.pollReplies == [poll.call: .success(.syncMatch(started(1)))])
    }

    @Test("Polls are served first come first served")
    func pollOrder() {
        var driver = self.ready()
        let polls = (0..<3).map { _ in driver.poll().call }
        let starts = (1...3).flatMap { driver.add($0).effects.starts }
        #expect(starts.map(\.poll) == polls)
        #expect(starts.map(\.number) == [1, 2, 3])
    }

    @Test("The start carries what history needs, with an id of its own")
    func startContents() throws {
        var driver = self.ready()
        _ = driver.poll(identity: "me")
        _ = driver.poll(identity: "you")
        let starts = [driver.add(1), driver.add(2)].flatMap(\.effects).compactMap { effect in
            if case .startTask(let start) = effect { start } else { nil }
        }
        #expect(starts.map(\.worker.identity) == ["me", "you"])
        #expect(starts.allSatisfy { isUUID($0.requestID) && $0.worker.version?.buildID == "build" })
        #expect(starts[0].requestID != starts[1].requestID)
        #expect(starts[0].task.run == dispatch(1).run)
        #expect(starts[0].namespace == namespace)
    }

    static let droppingErrors: [ServiceError.Kind] = [
        .notFound, .obsoleteTask, .taskAlreadyStarted, .dataLoss, .internalError,
    ]

    @Test(
        "A task history does not want is done with, and the poll gets the next one",
        arguments: droppingErrors)
    func obsoleteTaskIsDropped(_ kind: ServiceError.Kind) {
        var driver = self.ready()
        let poll = driver.poll().call
        let first = driver.add(1).call
        let effects = driver.feed(.taskStartFailed(poll, ServiceError(kind, "")))
        #expect(effects.addReplies == [first: nil])
        #expect(effects.pollReplies.isEmpty)
        #expect(driver.add(2).effects.starts.map(\.poll) == [poll])
    }

    static let retryableErrors: [ServiceError.Kind] = [
        .unavailable, .shardUnavailable(ShardID(1)),
        .resourceExhausted(cause: .busyWorkflow, scope: .namespace),
    ]

    @Test(
        "A task history could not start goes to the backlog and is tried again later",
        arguments: retryableErrors)
    func busyTaskIsSpilled(_ kind: ServiceError.Kind) throws {
        var driver = self.ready()
        let poll = driver.poll().call
        let add = driver.add(1)
        guard case .startTask(let first)? = add.effects.first else {
            Issue.record("no start")
            return
        }
        let failed = driver.feed(.taskStartFailed(poll, ServiceError(kind, "")))
        #expect(failed.appended == [1])
        #expect(failed.addReplies.isEmpty)
        let appended = driver.feed(.backlogAppended)
        #expect(appended.addReplies == [add.call: nil])
        #expect(appended.starts.isEmpty)
        let retried = driver.wait(0.1)
        guard case .startTask(let second)? = retried.first else {
            Issue.record("no second start")
            return
        }
        #expect(second.poll == poll)
        // If the first start was recorded after all, history answers the same again.
        #expect(second.requestID == first.requestID)
    }

    @Test("A durable task history cannot start is retried ever more slowly, never in a hot loop")
    func backlogTaskBacksOff() {
        var driver = self.ready()
        _ = driver.add(1)
        _ = driver.feed(.backlogAppended)
        let poll = driver.poll(for: 600)
        #expect(poll.effects.startNumbers == [1])
        var attempts = 0
        let end = driver.now + .seconds(60)
        while driver.now < end {
            let effects = driver.feed(.taskStartFailed(poll.call, .unavailable("")))
            #expect(effects.starts.isEmpty)
            attempts += 1
            guard let next = driver.machine.nextDeadline else { break }
            driver.now = next
            while driver.feed(.tick).starts.isEmpty, let next = driver.machine.nextDeadline {
                driver.now = next
            }
        }
        #expect((10...25).contains(attempts))
    }

    @Test("A busy task does not keep later ones waiting")
    func busyTaskDoesNotBlock() {
        var driver = self.ready()
        _ = driver.add(1)
        _ = driver.feed(.backlogAppended)
        let poll = driver.poll().call
        _ = driver.feed(.taskStartFailed(poll, .unavailable("")))
        #expect(driver.add(2).effects.startNumbers == [2])
    }

    @Test("A withdrawn poll gets no task")
    func withdrawnPoll() {
        var driver = self.ready()
        let poll = driver.poll().call
        #expect(
            driver.feed(.pollCanceled(poll)) == [.replyPoll(poll, .success(.nothing))])
        #expect(driver.feed(.pollCanceled(poll)).isEmpty)
        #expect(driver.add(1).effects.starts.isEmpty)
    }

    @Test("A poll withdrawn while its task is started leaves the task to history")
    func withdrawnWhileStarting() {
        var driver = self.ready()
        let poll = driver.poll().call
        let add = driver.add(1).call
        #expect(driver.feed(.pollCanceled(poll)).pollReplies == [poll: .success(.nothing)])
        let effects = driver.feed(.taskStartSucceeded(poll, started(1)))
        #expect(effects.addReplies == [add: nil])
        #expect(effects.pollReplies.isEmpty)
    }

    @Test("A poll withdrawn while its task fails to start does not take the task with it")
    func withdrawnWhileFailing() {
        var driver = self.ready()
        let poll = driver.poll().call
        _ = driver.add(1)
        _ = driver.feed(.pollCanceled(poll))
        let effects = driver.feed(.taskStartFailed(poll, .unavailable("")))
        #expect(effects.appended == [1])
        #expect(effects.pollReplies.isEmpty)
    }

    @Test("A poll comes back empty at its deadline, not before")
    func pollDeadline() {
        var driver = self.ready()
        let early = driver.poll(for: 5).call, late = driver.poll(for: 9).call
        #expect(driver.wait(4.9).isEmpty)
        #expect(driver.wait(0.1).pollReplies == [early: .success(.nothing)])
        #expect(driver.wait(10).pollReplies == [late: .success(.nothing)])
        let dead = driver.poll(for: 0)
        #expect(dead.effects.pollReplies == [dead.call: .success(.nothing)])
    }

    @Test("A poll whose task is being started outlives its deadline, but does not wait again")
    func deadlineWhileStarting() {
        var driver = self.ready()
        let poll = driver.poll(for: 5).call
        _ = driver.add(1)
        #expect(driver.wait(6).isEmpty)
        let effects = driver.feed(.taskStartFailed(poll, .notFound("")))
        #expect(effects.pollReplies == [poll: .success(.nothing)])
    }

    @Test("A poll past its deadline gets no task, even before the tick")
    func overduePoll() {
        var driver = self.ready()
        let poll = driver.poll(for: 5).call
        driver.now = driver.now + .seconds(6)
        let add = driver.add(1)
        #expect(add.effects.pollReplies == [poll: .success(.nothing)])
        #expect(add.effects.starts.isEmpty)
    }

    @Test("More polls than the limit are refused")
    func pollersMax() {
        var driver = self.ready { $0.pollersMax = 2 }
        _ = driver.poll()
        _ = driver.poll()
        let third = driver.poll()
        guard case .failure(let error)? = third.effects.pollReplies[third.call] else {
            Issue.record("not refused")
            return
        }
        #expect(error.kind == .resourceExhausted(cause: .concurrentLimit, scope: .namespace))
    }

    @Test("An expired task is done with, wherever it is")
    func expiry() {
        var driver = self.ready()
        let late = driver.add(1, expiresAt: driver.now)
        #expect(late.effects == [.replyAdd(late.call, nil)])
        _ = driver.add(2, expiresAt: driver.now + .seconds(5))
        _ = driver.feed(.backlogAppended)
        let effects = driver.wait(7)
        #expect(effects == [.completeBacklog(through: 1, RangeID(1))])
        #expect(driver.poll().effects.starts.isEmpty)
    }

    @Test("Workers' rate limit spaces tasks out; zero stops them")
    func rateLimit() {
        var driver = self.ready()
        for number: Int64 in 1...4 { _ = driver.add(number) }
        _ = driver.feed(.backlogAppended)
        _ = driver.feed(.backlogAppended)
        #expect(driver.poll(rate: 1).effects.startNumbers == [1])
        #expect(driver.poll(rate: 1).effects.startNumbers.isEmpty)
        #expect(driver.wait(0.9).starts.isEmpty)
        #expect(driver.wait(0.1).startNumbers == [2])
        #expect(driver.poll(rate: 0).effects.starts.isEmpty)
        #expect(driver.wait(50).starts.isEmpty)
        #expect(driver.poll(rate: 100).effects.startNumbers == [3, 4])
    }

    @Test("A task that was nobody's does not count against the rate")
    func rateGivenBack() {
        var driver = self.ready()
        for number: Int64 in 1...2 { _ = driver.add(number) }
        _ = driver.feed(.backlogAppended)
        _ = driver.feed(.backlogAppended)
        let poll = driver.poll(rate: 1)
        #expect(driver.feed(.taskStartFailed(poll.call, .notFound(""))).startNumbers == [2])
    }

    @Test("Shutting down answers everybody, and lets starts finish")
    func stopped() {
        var driver = self.ready()
        let starting = driver.poll().call
        let matched = driver.add(1).call
        let written = driver.add(2).call, waiting = driver.add(3).call
        let query = driver.query().call
        let effects = driver.feed(.stopped)
        #expect(effects.addReplies == [written: .unavailable, waiting: .unavailable])
        #expect(effects.queryReplies[query]?.refusal == .unavailable)
        #expect(driver.machine.nextDeadline == nil)
        let done = driver.feed(.taskStartSucceeded(starting, started(1)))
        #expect(done.addReplies == [matched: nil])
        #expect(done.pollReplies[starting]?.workflowID == "workflow-1")
        #expect(driver.feed(.backlogAppended).isEmpty)
        let poll = driver.poll()
        #expect(poll.effects == [.replyPoll(poll.call, .success(.nothing))])
        let add = driver.add(4)
        #expect(add.effects.addReplies == [add.call: .unavailable])
    }
}
