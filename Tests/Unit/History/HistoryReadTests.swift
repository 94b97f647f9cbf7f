import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct HistoryReadTests {
    typealias Request = Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryRequest
    typealias Response = Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryResponse

    private func operation(
        token: Data = Data(), waits: Bool = false, size: Int32 = 0, closeOnly: Bool = false,
        runID: RunID = ""
    ) -> HistoryOperation {
        .getHistory(
            .with {
                $0.execution.runID = runID.rawValue
                $0.nextPageToken = token
                $0.waitNewEvent = waits
                $0.maximumPageSize = size
                if closeOnly { $0.historyEventFilterType = .closeEvent }
            }, showsUnwritten: false)
    }

    private func page(_ shard: ShardHarness, _ operation: HistoryOperation) throws -> Response {
        guard case .history(let response) = try shard.call(operation) else {
            throw UnexpectedReply()
        }
        return response
    }

    private func page(_ shard: ShardHarness, _ id: HistoryShard.RequestID) throws -> Response {
        guard case .history(let response) = try #require(shard.replies[id]).get() else {
            throw UnexpectedReply()
        }
        return response
    }

    private func longRun() throws -> ShardHarness {
        let shard = ShardHarness()
        try shard.start()
        try shard.work(.marker("a"), .marker("b"), .marker("c"))
        return shard
    }

    @Test(
        "Pages follow each other, from memory and from the store alike", arguments: [false, true])
    func pages(isCold: Bool) throws {
        let shard = try self.longRun()
        if isCold { shard.restart() }
        var events: [HistoryEvent] = []
        var token = Data()
        repeat {
            let response = try self.page(shard, self.operation(token: token, size: 2))
            #expect(!response.history.events.isEmpty)
            events += response.history.events
            token = response.nextPageToken
        } while !token.isEmpty
        #expect(events == (try shard.events()))
        let whole = try self.page(shard, self.operation())
        #expect(whole.history.events == events)
        #expect(whole.nextPageToken.isEmpty)
    }

    @Test("A reader who waits gets what is there, then what comes, until the run closes")
    func longPoll() throws {
        let shard = ShardHarness()
        try shard.start()
        let first = try self.page(shard, self.operation(waits: true))
        #expect(first.history.events.count == 2)
        #expect(!first.nextPageToken.isEmpty)
        let second = shard.send(self.operation(token: first.nextPageToken, waits: true))
        #expect(shard.replies[second] == nil)
        let task = try shard.takeWorkflowTask()
        let page = try self.page(shard, second)
        #expect(page.history.events.map(\.eventID) == [3])
        let third = shard.send(self.operation(token: page.nextPageToken, waits: true))
        // Buffered events are no events yet.
        try shard.signal("go")
        #expect(shard.replies[third] == nil)
        try shard.terminate()
        let last = try self.page(shard, third)
        #expect(last.history.events.map(\.eventID) == [4, 5, 6])
        #expect(last.nextPageToken.isEmpty)
        _ = task
    }

    @Test("A wait that sees nothing ends empty, at the same place", arguments: [false, true])
    func longPollExpires(closeOnly: Bool) throws {
        let shard = ShardHarness()
        try shard.start()
        var token =
            closeOnly ? Data() : try self.page(shard, self.operation(waits: true)).nextPageToken
        for _ in 0..<3 {
            let id = shard.send(self.operation(token: token, waits: true, closeOnly: closeOnly))
            shard.wait(.seconds(19))
            #expect(shard.replies[id] == nil)
            shard.wait(.seconds(1))
            let response = try self.page(shard, id)
            #expect(response.history.events.isEmpty)
            #expect(!response.nextPageToken.isEmpty)
            token = response.nextPageToken
        }
        let id = shard.send(self.operation(token: token, waits: true, closeOnly: closeOnly))
        try shard.terminate()
        let last = try self.page(shard, id).history.events.last
        #expect(last?.eventType == .workflowExecutionTerminated)
        #expect(try self.page(shard, id).nextPageToken.isEmpty)
    }

    @Test("The caller's own deadline comes first")
    func callerDeadline() throws {
        let shard = ShardHarness()
        try shard.start()
        let id = shard.send(
            self.operation(waits: true, closeOnly: true), deadline: shard.now + .seconds(5))
        shard.wait(.seconds(5))
        #expect(try self.page(shard, id).history.events.isEmpty)
    }

    @Test("Only the event that closed the run, if it is closed")
    func closeEvent() throws {
        let shard = try self.longRun()
        let open = try self.page(shard, self.operation(closeOnly: true))
        #expect(open.history.events.isEmpty)
        #expect(open.nextPageToken.isEmpty)
        let waiting = shard.send(self.operation(waits: true, closeOnly: true))
        try shard.signal("go")
        #expect(shard.replies[waiting] == nil)
        try shard.work(.complete())
        for response in [
            try self.page(shard, waiting), try self.page(shard, self.operation(closeOnly: true)),
            try self.page(shard, self.operation(waits: true, closeOnly: true)),
        ] {
            #expect(response.history.events.map(\.eventType) == [.workflowExecutionCompleted])
            #expect(response.nextPageToken.isEmpty)
        }
    }

    @Test("A token is good for the run it was made for only")
    func tamperedTokens() throws {
        let shard = try self.longRun()
        let token = try self.page(shard, self.operation(size: 2)).nextPageToken
        let other = try shard.start("other")
        var changed = try StoredHistoryPageToken(serializedBytes: token)
        changed.runID = other.rawValue
        var ahead = try StoredHistoryPageToken(serializedBytes: token)
        ahead.nextEventID = 1_000
        var negative = ahead
        negative.nextEventID = -1
        let bad: [Data] = [
            Data("rubbish".utf8), try changed.serializedBytes(), try ahead.serializedBytes(),
            try negative.serializedBytes(),
        ]
        for token in bad {
            let refusal = shard.refusal(self.operation(token: token))
            #expect(refusal?.kind == .invalidArgument || refusal?.kind == .notFound)
        }
        #expect(shard.refusal(self.operation(token: token, runID: other))?.kind == .invalidArgument)
        let moved = shard.refusal(self.operation(token: try changed.serializedBytes()), to: "other")
        #expect(moved?.kind == .invalidArgument)
    }

    @Test(
        "A worker reads a long history page by page, up to the task it holds",
        arguments: [false, true])
    func workerPages(isTransient: Bool) throws {
        let shard = ShardHarness { $0.historyPageSizeMax = 2 }
        try shard.start()
        try shard.work(.marker("a"), .marker("b"), .marker("c"))
        try shard.signal("go")
        if isTransient { try shard.failTask(try shard.takeWorkflowTask()) }
        let task = try shard.takeWorkflowTask()
        var events = task.history.events
        var token = task.nextPageToken
        while !token.isEmpty {
            let response = try self.page(shard, self.operation(token: token))
            events += response.history.events
            token = response.nextPageToken
        }
        #expect(events.map(\.eventID) == Array(1...task.startedEventID))
        #expect(events.last?.eventType == .workflowTaskStarted)
        // Those who only look get what is written.
        let whole = try shard.events().count
        #expect(whole == (isTransient ? 11 : 10))
    }

    @Test("An unknown workflow or run has no history")
    func notFound() throws {
        let shard = try self.longRun()
        #expect(shard.refusal(self.operation(), to: "nobody")?.kind == .notFound)
        let other = RunID("b7d4c2de-0000-4000-8000-000000000009")
        #expect(shard.refusal(self.operation(runID: other))?.kind == .notFound)
        #expect(shard.refusal(.describe(runID: other))?.kind == .notFound)
    }

    @Test("Description tells what is pending")
    func describe() throws {
        let shard = ShardHarness()
        let runID = try shard.start { $0.workflowRunTimeout = Duration.seconds(90).proto }
        var description = try shard.describe()
        #expect(description.workflowExecutionInfo.execution.runID == runID.rawValue)
        #expect(description.workflowExecutionInfo.status == .running)
        #expect(description.pendingWorkflowTask.state == .scheduled)
        #expect(description.executionConfig.taskQueue.name == "queue")
        #expect(description.executionConfig.workflowRunTimeout == Duration.seconds(90).proto)
        #expect(
            description.workflowExtendedInfo.runExpirationTime == (shard.now + .seconds(90)).proto)
        let task = try shard.takeWorkflowTask()
        #expect(try shard.describe().pendingWorkflowTask.state == .started)
        try shard.complete(task, .activity("b"), .activity("a"))
        _ = try shard.takeActivity()
        description = try shard.describe()
        #expect(!description.hasPendingWorkflowTask)
        #expect(description.pendingActivities.map(\.activityID) == ["b", "a"])
        #expect(description.pendingActivities.map(\.state) == [.started, .scheduled])
        #expect(description.workflowExecutionInfo.historyLength == 6)
        #expect(description.workflowExecutionInfo.historySizeBytes > 0)
    }
}
