import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// Clients and workers of standalone activities who do anything in any order, while commits fail,
/// loads are late and the process ends.
struct RandomActivityUse {
    let shard: ShardHarness
    private var random: SeededGenerator
    private var tasks: [ActivityTask] = []
    private var requests: [HistoryShard.RequestID] = []

    init(seed: UInt64) {
        var random = SeededGenerator(seed)
        self.shard = ShardHarness(seed: seed) {
            if Bool.random(using: &random) { $0.shardCacheSizeMax = 2_000 }
            if Bool.random(using: &random) { $0.shardTimersMax = 2 }
        }
        self.random = random
    }

    private mutating func pick(_ count: Int) -> Int {
        Int.random(in: 0..<count, using: &self.random)
    }
    private mutating func chance(_ oneIn: Int) -> Bool { self.pick(oneIn) == 0 }
    private mutating func id() -> WorkflowID { WorkflowID("a\(self.pick(3))") }

    @discardableResult
    private mutating func send(_ operation: HistoryOperation, to id: WorkflowID) -> HistoryReply? {
        let request = self.shard.send(
            operation, to: id, of: .activity, deadline: self.shard.now + .seconds(30))
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
        switch self.pick(16) {
        case 0...2: self.start()
        case 3...5: self.take()
        case 6...8: self.report()
        case 9: self.end()
        case 10...11: self.look()
        case 12: self.shard.wait(.milliseconds(Int64(self.pick(4_000))))
        case 13 where self.chance(8): self.shard.wait(.seconds(90_000))
        case 13: self.shard.wait(.seconds(self.pick(20)))
        case 14: self.disturb()
        default: self.hold()
        }
    }

    private mutating func start() {
        let reuse: [Temporal_Api_Enums_V1_ActivityIdReusePolicy] = [
            .allowDuplicate, .allowDuplicateFailedOnly, .rejectDuplicate,
        ]
        let (policy, finds) = (reuse[self.pick(3)], self.chance(2))
        let (delay, interval) = (self.pick(4), self.pick(3) + 1)
        let id = self.id(), attempts = Int32(self.pick(4))
        let body = self.shard.activityBody(id) {
            $0.idReusePolicy = policy
            $0.idConflictPolicy = finds ? .useExisting : .fail
            if delay > 1 { $0.startDelay = Duration.seconds(delay).proto }
            $0.scheduleToCloseTimeout = Duration.seconds(30).proto
            $0.heartbeatTimeout = Duration.seconds(4).proto
            $0.retryPolicy.initialInterval = Duration.seconds(interval).proto
            $0.retryPolicy.maximumAttempts = attempts
        }
        self.send(.standaloneActivity(.start(body)), to: id)
    }

    private mutating func take() {
        guard !self.shard.handedOver.isEmpty else { return }
        let index = self.pick(self.shard.handedOver.count)
        let task = self.shard.handedOver[index]
        if !self.chance(4) { self.shard.handedOver.remove(at: index) }
        let reply = self.send(
            .recordActivityTaskStarted(self.shard.activityStart(of: task)), to: task.run.workflowID)
        if case .activityTaskStarted(let response) = reply { self.tasks.append(response) }
    }

    private mutating func report() {
        guard !self.tasks.isEmpty else { return }
        let index = self.pick(self.tasks.count), task = self.tasks[index]
        guard let token = try? task.token else { return }
        let reference =
            self.chance(5)
            ? ActivityReference.id(runID: "", activityID: task.activityID) : .token(token)
        if !self.chance(4) { self.tasks.remove(at: index) }
        let operations: [HistoryOperation] = [
            .recordActivityHeartbeat(reference, details: .text("x")),
            .respondActivityFailed(
                reference, failure: .application("x"), lastHeartbeatDetails: nil,
                worker: TaskWorker(identity: "w")),
            .respondActivityCanceled(reference, details: nil, worker: TaskWorker(identity: "w")),
            .respondActivityCompleted(reference, result: nil, worker: TaskWorker(identity: "w")),
        ]
        self.send(operations[self.pick(4)], to: WorkflowID(task.activityID))
    }

    private mutating func end() {
        let name = "r\(self.pick(2))"
        let operations: [StandaloneActivityOperation] = [
            .requestCancel(.with { $0.requestID = name }),
            .terminate(.with { $0.requestID = name }), .delete(runID: ""),
        ]
        self.send(.standaloneActivity(operations[self.pick(3)]), to: self.id())
    }

    private mutating func look() {
        let id = self.id()
        guard self.chance(2) else {
            self.send(.standaloneActivity(.poll(.init())), to: id)
            return
        }
        let reply = self.send(.standaloneActivity(.describe(.init())), to: id)
        guard case .standaloneActivity(.described(let response)) = reply else { return }
        let next = Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest.with {
            $0.runID = response.runID
            $0.longPollToken = response.longPollToken
        }
        self.send(.standaloneActivity(.describe(next)), to: id)
        if self.chance(3) { self.shard.cancel(self.requests[self.pick(self.requests.count)]) }
    }

    private mutating func disturb() {
        switch self.pick(4) {
        case 0:
            self.shard.restart()
            self.requests = []
        case 1: self.shard.commitFaults = [.unknownThoughWritten]
        case 2: self.shard.commitFaults = [.refused(.unavailable("disk"))]
        default:
            let isBusy = self.chance(2)
            self.shard.matchingRefusal = { _ in isBusy ? .unavailable("busy") : nil }
        }
    }

    private mutating func hold() {
        guard self.chance(2) else { return self.release() }
        self.shard.holdsCommits = true
        self.shard.holdsLoads = self.chance(2)
    }

    mutating func release() {
        self.shard.holdsCommits = false
        self.shard.holdsLoads = false
        self.shard.releaseLoads()
        self.shard.releaseCommits()
    }

    /// Nothing goes wrong any more; every activity has ended after its last timeout.
    mutating func drain() {
        self.shard.commitFaults = []
        self.shard.matchingRefusal = { _ in nil }
        self.release()
        self.shard.wait(.seconds(120))
    }
}

@Suite struct StandaloneActivityPropertyTests {
    @Test("Whatever happens, memory is what is stored and all of them end", arguments: trials(60))
    func invariants(seed: UInt64) throws {
        var use = RandomActivityUse(seed: seed)
        for step in 0..<250 {
            use.step()
            try ActivityRules.check(use.shard, "seed \(seed), step \(step)")
        }
        use.drain()
        try ActivityRules.check(use.shard, "seed \(seed), at the end")
        for (key, run) in use.shard.store.runs {
            let info = try StoredStandaloneActivity(serializedBytes: run.info)
            #expect(info.status != .running, "seed \(seed), \(key) never ended")
        }
        for report in use.shard.reports {
            if case .reloading = report { continue }
            Issue.record("seed \(seed): \(report)")
        }
    }
}
