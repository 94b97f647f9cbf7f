import DynamicConfig
import MatchingCore
import MatchingService
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct MatchingHostTests {
    private let clock = ManualTimeSource()
    private let store = BacklogDouble()

    private func host(
        _ history: HistoryDouble = HistoryDouble(), adjust: (inout Settings) -> Void = { _ in }
    ) -> MatchingHost {
        var settings = Settings()
        adjust(&settings)
        return MatchingHost(
            environment: HostEnvironment(
                clock: self.clock, random: FixedRandomSource(), owner: "node"),
            settings: settings, store: self.store, history: { history },
            executor: { [executor = TestExecutor()] _ in executor })
    }

    private func poll(_ queue: TaskQueueKey = taskQueue(), for wait: Double = 60) -> TaskPoll {
        taskPoll(queue, until: self.clock.now() + .seconds(wait))
    }

    /// Waits, without a clock, until something another task does has happened.
    private func until(_ condition: () async throws -> Bool) async throws {
        for _ in 0..<100_000 {
            if try await condition() { return }
            await Task.yield()
        }
        Issue.record("it never happened")
    }

    private func pollerCount(_ host: MatchingHost, _ queue: TaskQueueKey) async throws -> Int {
        try await host.describeTaskQueue(queue).pollers.count
    }

    @Test("A task goes to a waiting poll, and to the backlog when there is none")
    func taskReachesPoll() async throws {
        let host = self.host()
        try await host.addWorkflowTask(dispatch(1))
        #expect(self.store.rowCount(taskQueue()) == 1)
        let first = try await host.pollWorkflowTask(self.poll())
        #expect(first.workflowExecution.workflowID == "workflow-1")

        async let second = host.pollWorkflowTask(self.poll())
        try await host.addWorkflowTask(dispatch(2))
        #expect(try await second.workflowExecution.workflowID == "workflow-2")
    }

    @Test("Activities go the same way, from a queue of their own")
    func activity() async throws {
        let history = HistoryDouble()
        let host = self.host(history)
        let queue = taskQueue(type: .activity)
        try await host.addActivityTask(dispatch(1, to: queue))
        let task = try await host.pollActivityTask(self.poll(queue))
        #expect(task.workflowExecution.workflowID == "workflow-1")
        guard case .recordActivityTaskStarted(let start)? = history.sent.first?.operation else {
            Issue.record("not an activity's start")
            return
        }
        #expect(start.scheduledEventID == 1)
        #expect(history.sent.first?.namespace == namespace)
        #expect(history.sent.first?.workflowID == "workflow-1")
    }

    @Test("A poll comes back empty at its deadline")
    func pollTimesOut() async throws {
        let host = self.host()
        async let reply = host.pollWorkflowTask(self.poll(for: 60))
        try await self.until { try await self.pollerCount(host, taskQueue()) == 1 }
        self.clock.advance(.seconds(60))
        #expect(try await reply == .init())
    }

    @Test("A cancelled poll comes back empty and takes no task")
    func pollCancelled() async throws {
        let host = self.host()
        let poll = self.poll()
        let waiting = Task { try await host.pollWorkflowTask(poll) }
        try await self.until { try await self.pollerCount(host, taskQueue()) == 1 }
        waiting.cancel()
        #expect(try await waiting.value == .init())
        try await host.addWorkflowTask(dispatch(1))
        #expect(self.store.rowCount(taskQueue()) == 1)
    }

    @Test("A poll of a task that was cancelled before comes back empty")
    func cancelledBefore() async throws {
        let host = self.host()
        let poll = self.poll()
        let waiting = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await host.pollWorkflowTask(poll)
        }
        waiting.cancel()
        #expect(try await waiting.value == .init())
    }

    @Test("The backlog survives the node")
    func restart() async throws {
        let first = self.host()
        for number: Int64 in 1...3 { try await first.addWorkflowTask(dispatch(number)) }
        await first.shutdown()
        let second = self.host()
        for number in 1...3 {
            let task = try await second.pollWorkflowTask(self.poll())
            #expect(task.workflowExecution.workflowID == "workflow-\(number)")
        }
    }

    @Test("A store that fails refuses adds, retryably; when it recovers they are taken again")
    func storeFails() async throws {
        let host = self.host()
        self.store.fail(with: .unavailable("disk"))
        await #expect(throws: ServiceError.self) { try await host.addWorkflowTask(dispatch(1)) }
        self.store.fail(with: nil)
        self.clock.advance(.seconds(1))
        try await self.until {
            do {
                try await host.addWorkflowTask(dispatch(1))
                return true
            } catch { return false }
        }
        #expect(self.store.rowCount(taskQueue()) == 1)
    }

    @Test("A query goes to a worker and its answer comes back")
    func query() async throws {
        let host = self.host()
        let deadline = self.clock.now() + .seconds(10)
        async let answer = host.query(queryDispatch(until: deadline))
        let task = try await host.pollWorkflowTask(self.poll())
        #expect(task.query.queryType == "state")
        let token = try StoredQueryToken(serializedBytes: task.taskToken)
        let payloads = Temporal_Api_Common_V1_Payloads.with { $0.payloads = [.init()] }
        try await host.respondQueryTaskCompleted(
            token,
            .with {
                $0.completedType = .answered
                $0.queryResult = payloads
            })
        #expect(try await answer.queryResult == payloads)
        await #expect(throws: ServiceError.queryTaskNotFound) {
            try await host.respondQueryTaskCompleted(token, .init())
        }
    }

    @Test("A query of a sticky queue can be answered through its token")
    func stickyQuery() async throws {
        let host = self.host()
        let queue = taskQueue("sticky", isSticky: true)
        async let polled = host.pollWorkflowTask(self.poll(queue))
        try await self.until { try await self.pollerCount(host, queue) == 1 }
        let deadline = self.clock.now() + .seconds(10)
        async let answer = host.query(queryDispatch(queue, until: deadline))
        let token = try StoredQueryToken(serializedBytes: try await polled.taskToken)
        try await host.respondQueryTaskCompleted(token, .with { $0.completedType = .answered })
        _ = try await answer
    }

    @Test("A sticky queue nobody polled is unavailable, and takes no memory")
    func stickyUnavailable() async throws {
        let host = self.host()
        let queue = taskQueue("sticky", isSticky: true)
        await #expect(throws: ServiceError.stickyWorkerUnavailable) {
            try await host.addWorkflowTask(dispatch(1, to: queue))
        }
        await #expect(throws: ServiceError.stickyWorkerUnavailable) {
            try await host.query(queryDispatch(queue, until: self.clock.now() + .seconds(10)))
        }
        #expect(host.partitionCount == 0)
    }

    @Test("An unloaded sticky queue is unavailable until it is polled again")
    func stickyUnload() async throws {
        let host = self.host()
        let queue = taskQueue("sticky", isSticky: true)
        async let reply = host.pollWorkflowTask(self.poll(queue))
        try await self.until { try await self.pollerCount(host, queue) == 1 }
        try await host.unloadStickyQueue(queue)
        #expect(try await reply == .init())
        await #expect(throws: ServiceError.stickyWorkerUnavailable) {
            try await host.addWorkflowTask(dispatch(1, to: queue))
        }
    }

    @Test("Shutting down answers polls with nothing and refuses the rest")
    func shutdown() async throws {
        let host = self.host()
        async let reply = host.pollWorkflowTask(self.poll())
        try await self.until { try await self.pollerCount(host, taskQueue()) == 1 }
        await host.shutdown()
        #expect(try await reply == .init())
        #expect(try await host.pollWorkflowTask(self.poll()) == .init())
        await #expect(throws: ServiceError.shuttingDown) {
            try await host.addWorkflowTask(dispatch(1))
        }
    }

    @Test("An idle queue is forgotten, does nothing meanwhile, and comes back when it is used")
    func idle() async throws {
        let host = self.host()
        try await host.addWorkflowTask(dispatch(1))
        _ = try await host.pollWorkflowTask(self.poll())
        self.clock.advance(.seconds(1))
        try await self.until { self.store.rowCount(taskQueue()) == 0 }
        let operations = self.store.operationCount
        for _ in 0..<3 {
            try await self.until { self.clock.sleeperCount == 1 || host.partitionCount == 0 }
            self.clock.advance(.seconds(300))
        }
        try await self.until { host.partitionCount == 0 && self.clock.sleeperCount == 0 }
        #expect(self.store.operationCount == operations)
        try await host.addWorkflowTask(dispatch(2))
        let task = try await host.pollWorkflowTask(self.poll())
        #expect(task.workflowExecution.workflowID == "workflow-2")
    }

    @Test("More task queues than the limit are refused")
    func partitionsMax() async throws {
        let host = self.host { $0.taskQueuesMax = 1 }
        try await host.addWorkflowTask(dispatch(1, to: taskQueue("a")))
        await #expect(throws: ServiceError.self) {
            try await host.addWorkflowTask(dispatch(2, to: taskQueue("b")))
        }
    }

    @Test("Many workers and many tasks: every task is started once")
    func crowd() async throws {
        let history = HistoryDouble()
        let host = self.host(history)
        let polled = await withTaskGroup(of: String?.self) { group in
            for number: Int64 in 1...500 {
                group.addTask {
                    try? await host.addWorkflowTask(dispatch(number))
                    return nil
                }
                group.addTask {
                    try? await host.pollWorkflowTask(self.poll()).workflowExecution.workflowID
                }
            }
            var ids: [String] = []
            for await id in group { if let id { ids.append(id) } }
            return ids
        }
        #expect(polled.sorted() == (1...500).map { "workflow-\($0)" }.sorted())
        #expect(history.sent.count == 500)
    }
}
