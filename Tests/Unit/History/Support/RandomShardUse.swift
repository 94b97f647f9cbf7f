import DynamicConfig
import FoundationEssentials
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// Clients and workers who do anything that is legal, in any order, and some things that are not.
struct RandomShardUse {
    let shard: ShardHarness
    var random: SeededGenerator
    /// What workers have in hand.
    var tasks: [PollTask] = []
    var activities: [ActivityTask] = []
    var requests: [HistoryShard.RequestID] = []

    init(seed: UInt64) {
        var random = SeededGenerator(seed)
        self.shard = ShardHarness(seed: seed) {
            if Bool.random(using: &random) {
                $0.shardCacheSizeMax = Int.random(in: 0...20_000, using: &random)
            }
            if Bool.random(using: &random) {
                $0.shardTimersMax = Int.random(in: 1...4, using: &random)
            }
            if Bool.random(using: &random) { $0.bufferedEventsMax = 2 }
            if Bool.random(using: &random) { $0.bufferedEventsSizeMax = 500 }
            if Bool.random(using: &random) { $0.attachedRequestsMax = 2 }
            if Int.random(in: 0..<8, using: &random) == 0 { $0.historyCountErrorMax = 40 }
            if Int.random(in: 0..<8, using: &random) == 0 { $0.mutableStateSizeErrorMax = 3_000 }
            if Int.random(in: 0..<8, using: &random) == 0 { $0.transactionSizeMax = 1_500 }
            $0.historyPageSizeMax = Int.random(in: 1...20, using: &random)
        }
        self.random = random
    }

    mutating func pick(_ count: Int) -> Int {
        Int.random(in: 0..<count, using: &self.random)
    }
    mutating func chance(_ oneIn: Int) -> Bool { self.pick(oneIn) == 0 }
    mutating func workflow() -> WorkflowID { WorkflowID("w\(self.pick(3))") }

    /// A request that may be refused, but only for reasons of its own.
    mutating func send(_ operation: HistoryOperation, to id: WorkflowID) -> HistoryReply? {
        let request = self.shard.send(operation, to: id, deadline: self.shard.now + .seconds(30))
        self.requests.append(request)
        switch self.shard.replies[request] {
        case .success(let reply): return reply
        case .failure(let error):
            #expect(error.kind != .dataLoss && error.kind != .internalError, "\(error)")
            return nil
        case nil: return nil
        }
    }

    mutating func step() {
        switch self.pick(29) {
        case 0, 1: self.start()
        case 2: if self.chance(2) { self.start() } else { self.signalWithStart() }
        case 3...5: _ = self.send(self.shard.signalOperation("s"), to: self.workflow())
        case 6 where self.chance(2): self.updateOptions()
        case 6: _ = self.send(.requestCancel(.init()), to: self.workflow())
        case 7 where self.chance(3): _ = self.send(.delete(runID: ""), to: self.workflow())
        case 7: if self.chance(3) { _ = self.send(.terminate(.init()), to: self.workflow()) }
        case 8...11: self.takeTask()
        case 12...14: self.completeTask()
        case 15: self.failTask()
        case 16...18: self.useActivity()
        case 19: self.look()
        case 20: self.shard.wait(.milliseconds(Int64(self.pick(3_000))))
        case 21: self.shard.wait(.seconds(self.pick(30)))
        case 22 where self.chance(5):
            // A run created in a batch that is held so long would be deleted in it, too.
            self.release()
            self.shard.wait(.seconds(90_000))
        case 22: self.disturb()
        case 23: if self.chance(3) { self.reset() }
        case 24: self.pauseOrUnpause()
        case 25: self.operate()
        case 26, 27: self.update()
        default: self.hold()
        }
    }

    mutating func start() {
        let id = self.workflow()
        let conflict: [Temporal_Api_Enums_V1_WorkflowIdConflictPolicy] = [
            .fail, .useExisting, .terminateExisting,
        ]
        let body = self.shard.startBody {
            $0.workflowID = id.rawValue
            $0.workflowIDConflictPolicy = conflict[self.pick(3)]
            $0.requestEagerExecution = self.chance(6)
            if self.chance(3) { $0.retryPolicy = .attempts(3) }
            if self.chance(6) { $0.versioningOverride.autoUpgrade = true }
            if self.chance(4) { $0.workflowRunTimeout = Duration.seconds(self.pick(60) + 1).proto }
            if self.chance(4) { $0.workflowStartDelay = Duration.seconds(self.pick(10)).proto }
            if self.chance(8) {
                $0.cronSchedule = "@every 7s"
                $0.workflowExecutionTimeout = Duration.seconds(40).proto
            }
            if self.chance(2) {
                $0.requestID = "attached-\(self.pick(5))"
                $0.onConflictOptions.attachRequestID = self.chance(2)
            }
        }
        if case .started(let response) = self.send(.startWorkflowExecution(body), to: id),
            response.hasEagerWorkflowTask
        {
            self.tasks.append(response.eagerWorkflowTask)
        }
    }

    mutating func signalWithStart() {
        let id = self.workflow()
        let body = SignalWithStartBody.with {
            $0.namespace = testNamespace.name
            $0.workflowID = id.rawValue
            $0.workflowType.name = "Flow"
            $0.taskQueue.name = "queue"
            $0.workflowTaskTimeout = Duration.seconds(10).proto
            $0.signalName = "s"
            $0.requestID =
                self.chance(4) ? "attached-\(self.pick(5))" : self.shard.name("signal-with-start")
            $0.workflowIDConflictPolicy = self.chance(3) ? .terminateExisting : .useExisting
            if self.chance(3) { $0.versioningOverride.autoUpgrade = true }
            if self.chance(4) { $0.workflowStartDelay = Duration.seconds(self.pick(10)).proto }
            if self.chance(4) { $0.retryPolicy = .attempts(3) }
        }
        _ = self.send(.signalWithStart(body), to: id)
    }

    mutating func update() {
        let id = self.workflow()
        let body = self.shard.updateBody(
            "u\(self.pick(6))", waitingFor: self.chance(3) ? .accepted : .completed
        ) { $0.workflowExecution.workflowID = id.rawValue }
        switch self.pick(5) {
        case 0:
            let start = self.shard.startBody {
                $0.workflowID = id.rawValue
                $0.workflowIDConflictPolicy = self.chance(2) ? .useExisting : .terminateExisting
            }
            _ = self.send(.startAndUpdate(start, body, isRepeated: false), to: id)
        case 1:
            _ = self.send(
                .pollUpdate(
                    .with {
                        $0.updateRef.workflowExecution.workflowID = id.rawValue
                        $0.updateRef.updateID = body.request.meta.updateID
                        $0.waitPolicy.lifecycleStage = self.chance(2) ? .unspecified : .completed
                    }), to: id)
        default: _ = self.send(.update(body), to: id)
        }
    }

    /// What a worker says to the updates it was given, and perhaps to one it was not.
    mutating func messages(for task: PollTask) -> [Message] {
        var messages: [Message] = []
        for request in task.messages {
            switch self.pick(6) {
            case 0: continue
            case 1, 2: messages.append(.reject(request.protocolInstanceID))
            case 3: messages.append(.accept(request.protocolInstanceID, at: request.eventID))
            default:
                messages.append(.accept(request.protocolInstanceID, at: request.eventID))
                messages.append(.complete(request.protocolInstanceID))
            }
        }
        if self.chance(4) { messages.append(.complete("u\(self.pick(6))")) }
        return messages
    }

    mutating func pauseOrUnpause() {
        let id = self.workflow()
        _ = self.send(
            self.chance(2) ? .pause(.with { $0.reason = "wait" }) : .unpause(.init()), to: id)
    }

    /// Any run that is stored, at any event.
    mutating func reset() {
        let keys = self.shard.store.history.keys.sorted()
        guard !keys.isEmpty else { return }
        let key = keys[self.pick(keys.count)]
        let last = self.shard.store.history[key]?.last?.lastEventID ?? 1
        let excludable: [[Temporal_Api_Enums_V1_ResetReapplyExcludeType]] = [
            [], [.signal], [.signal, .update, .nexus, .cancelRequest],
        ]
        let excluded = excludable[self.pick(3)]
        let body = Temporal_Api_Workflowservice_V1_ResetWorkflowExecutionRequest.with {
            $0.workflowExecution.workflowID = key.workflowID.rawValue
            $0.workflowExecution.runID = self.chance(3) ? "" : key.runID.rawValue
            $0.workflowTaskFinishEventID = Int64(self.pick(Int(last) + 1)) + 1
            $0.requestID = self.shard.name("reset")
            $0.reason = "again"
            $0.resetReapplyExcludeTypes = excluded
        }
        _ = self.send(.reset(body), to: key.workflowID)
    }

    /// Priorities and versioning overrides come, change and go.
    mutating func updateOptions() {
        let priority = Int32(self.pick(3))
        let overrides = self.chance(2)
        let paths = [["priority"], ["versioning_override"], ["priority", "versioning_override"]]
        let changed = paths[self.pick(3)]
        let operation = HistoryOperation.updateOptions(
            .with {
                if priority > 0 { $0.workflowExecutionOptions.priority.priorityKey = priority }
                if overrides { $0.workflowExecutionOptions.versioningOverride.autoUpgrade = true }
                $0.updateMask.paths = changed
            })
        _ = self.send(operation, to: self.workflow())
    }

    /// An operator does something to activities.
    mutating func operate() {
        let selections: [ActivitySelection] = [.id("a\(self.pick(4))"), .type("Work"), .all]
        let jitter = Duration.seconds(self.pick(3))
        let changes: [ActivityChange] = [
            .pause(identity: "op", reason: "", requestID: "\(self.pick(3))"),
            .unpause(
                resetsAttempts: self.chance(2), resetsHeartbeat: self.chance(2), jitter: jitter),
            .reset(
                resetsHeartbeat: self.chance(2), keepsPaused: self.chance(2),
                restoresOptions: self.chance(2), jitter: jitter),
            .update(
                .with { $0.heartbeatTimeout = Duration.seconds(5).proto },
                fields: ["heartbeatTimeout"]),
            .restoreOptions,
        ]
        let change = changes[self.pick(changes.count)]
        _ = self.send(
            .changeActivities(runID: "", selections[self.pick(3)], change), to: self.workflow())
    }

    mutating func look() {
        let id = self.workflow()
        switch self.pick(3) {
        case 0: _ = self.send(.describe(runID: ""), to: id)
        case 1: _ = self.send(.query(.with { $0.query.queryType = "q" }), to: id)
        default:
            _ = self.send(
                .getHistory(
                    .with { $0.waitNewEvent = self.chance(2) }, showsUnwritten: self.chance(2)),
                to: id)
        }
        while let query = self.shard.queries.popLast() {
            let outcome:
                Result<Temporal_Api_Workflowservice_V1_QueryWorkflowResponse, ServiceError> =
                    self.chance(3)
                    ? .failure(ServiceError(.stickyWorkerUnavailable, "gone")) : .success(.init())
            self.shard.feed(.queryAnswered(query.id, outcome))
        }
        if self.chance(3), !self.requests.isEmpty {
            self.shard.cancel(self.requests[self.pick(self.requests.count)])
        }
    }

    mutating func disturb() {
        switch self.pick(7) {
        case 5: self.shard.sentRequestFault = { _ in .unavailable("lost") }
        case 6: self.shard.sentRequestFault = { _ in nil }
        case 0: self.shard.restart()
        case 1: self.shard.commitFaults = [.unknownThoughWritten]
        case 2: self.shard.commitFaults = [.refused(.unavailable("disk"))]
        case 3:
            self.shard.matchingRefusal = { task in
                task.queue.isSticky ? ServiceError(.stickyWorkerUnavailable, "gone") : nil
            }
        default: self.shard.matchingRefusal = { _ in .unavailable("busy") }
        }
        if self.chance(2) { self.shard.matchingRefusal = { _ in nil } }
    }

    mutating func hold() {
        if self.chance(2) {
            self.shard.holdsCommits = true
            self.shard.holdsLoads = self.chance(2)
            self.shard.holdsSent = self.chance(2)
        } else {
            self.release()
        }
    }

    mutating func release() {
        self.shard.holdsCommits = false
        self.shard.holdsLoads = false
        self.shard.holdsSent = false
        self.shard.releaseSent()
        self.shard.releaseLoads()
        self.shard.releaseCommits()
    }

    /// Nothing goes wrong any more, and every worker completes what it gets.
    mutating func drain() throws {
        self.shard.commitFaults = []
        self.shard.matchingRefusal = { _ in nil }
        self.shard.sentRequestFault = { _ in nil }
        self.release()
        self.shard.wait(.seconds(1))
        for number in 0..<3 {
            _ = self.send(.unpause(.init()), to: WorkflowID("w\(number)"))
            _ = self.send(self.shard.signalOperation("wake"), to: WorkflowID("w\(number)"))
        }
        for _ in 0..<60 {
            while !self.shard.handedOver.isEmpty {
                let task = self.shard.handedOver.removeFirst()
                let operation: HistoryOperation =
                    task.queue.type == .workflow
                    ? .recordWorkflowTaskStarted(self.shard.workflowStart(of: task))
                    : .recordActivityTaskStarted(self.shard.activityStart(of: task))
                if case .workflowTaskStarted(let response) = self.send(
                    operation, to: task.run.workflowID)
                {
                    _ = self.send(
                        try self.shard.completion(of: response, [.complete()]),
                        to: task.run.workflowID)
                }
            }
            self.shard.wait(.seconds(30))
        }
    }
}
