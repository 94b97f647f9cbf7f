import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import Synchronization
import TemporalAPI

/// A clock that stands still until it is told the time.
final class ManualTimeSource: TimeSource {
    private struct State {
        var now = seconds(0)
        var nextSleeper = 0
        var sleepers: [Int: (deadline: Timestamp, continuation: CheckedContinuation<Bool, Never>)] =
            [:]
        var cancelled: Set<Int> = []
    }
    private let state = Mutex(State())

    func now() -> Timestamp { self.state.withLock { $0.now } }

    var sleeperCount: Int { self.state.withLock { $0.sleepers.count } }

    func advance(_ duration: Duration) {
        let due = self.state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.sorted { $0.key < $1.key }.map(\.value.continuation)
        }
        for continuation in due { continuation.resume(returning: true) }
    }

    func sleep(until deadline: Timestamp) async throws {
        let id = self.state.withLock { state in
            state.nextSleeper += 1
            return state.nextSleeper
        }
        let isOver = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome = self.state.withLock { state -> Bool? in
                    if state.cancelled.remove(id) != nil { return false }
                    if deadline <= state.now { return true }
                    state.sleepers[id] = (deadline, continuation)
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            let sleeper = self.state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: id)
                if sleeper == nil { state.cancelled.insert(id) }
                return sleeper
            }
            sleeper?.continuation.resume(returning: false)
        }
        if !isOver { throw CancellationError() }
    }
}

struct FixedRandomSource: RandomSource {
    func seed() -> UInt64 { 42 }
}

/// Backlogs in memory; counts what it is asked and fails on request.
final class BacklogDouble: TaskQueueStore {
    private struct Queue {
        var range: Int64 = 0
        var ackLevel: Int64 = 0
        var rows: [Int64: BacklogRow] = [:]
    }
    private struct State {
        var queues: [TaskQueueKey: Queue] = [:]
        var operationCount = 0
        var failure: StoreError?
    }
    private let state = Mutex(State())

    var operationCount: Int { self.state.withLock { $0.operationCount } }

    func fail(with error: StoreError?) { self.state.withLock { $0.failure = error } }

    func rowCount(_ queue: TaskQueueKey) -> Int {
        self.state.withLock { $0.queues[queue]?.rows.count ?? 0 }
    }

    private func operate<Value: Sendable>(
        _ queue: TaskQueueKey, range: RangeID? = nil,
        _ body: @Sendable (inout Queue) -> Value
    ) throws(StoreError) -> Value {
        let outcome = self.state.withLock { state -> Result<Value, StoreError> in
            state.operationCount += 1
            if let failure = state.failure { return .failure(failure) }
            var stored = state.queues[queue] ?? Queue()
            if let range, range.rawValue != stored.range { return .failure(.ownershipLost) }
            defer { state.queues[queue] = stored }
            return .success(body(&stored))
        }
        return try outcome.get()
    }

    func acquireTaskQueue(
        _ queue: TaskQueueKey, owner: String
    ) async throws(StoreError) -> TaskQueueLease {
        try self.operate(queue) { stored in
            stored.range += 1
            return TaskQueueLease(
                range: RangeID(stored.range), ackLevel: stored.ackLevel,
                hasBacklog: !stored.rows.isEmpty)
        }
    }

    func appendBacklog(
        _ rows: [BacklogRow], to queue: TaskQueueKey, range: RangeID
    ) async throws(StoreError) {
        try self.operate(queue, range: range) { stored in
            for row in rows { stored.rows[row.id] = row }
        }
    }

    func readBacklog(
        _ queue: TaskQueueKey, after: Int64, countMax: Int
    ) async throws(StoreError) -> [BacklogRow] {
        try self.operate(queue) { stored in
            Array(
                stored.rows.values.filter { $0.id > after }.sorted { $0.id < $1.id }
                    .prefix(countMax))
        }
    }

    func completeBacklog(
        _ queue: TaskQueueKey, through ackLevel: Int64, range: RangeID
    ) async throws(StoreError) {
        try self.operate(queue, range: range) { stored in
            stored.ackLevel = ackLevel
            stored.rows = stored.rows.filter { $0.key > ackLevel }
        }
    }
}

/// Answers starts as a script says, and keeps what it was sent.
final class HistoryDouble: HistoryClient {
    typealias Script = @Sendable (HistoryRequest) async throws(ServiceError) -> HistoryReply
    private let requests = Mutex<[HistoryRequest]>([])
    private let script: Script

    init(_ script: @escaping Script = HistoryDouble.start) { self.script = script }

    var sent: [HistoryRequest] { self.requests.withLock { $0 } }

    func send(_ request: HistoryRequest) async throws(ServiceError) -> HistoryReply {
        self.requests.withLock { $0.append(request) }
        return try await self.script(request)
    }

    static let start: Script = { (request) async throws(ServiceError) -> HistoryReply in
        switch request.operation {
        case .recordWorkflowTaskStarted:
            .workflowTaskStarted(
                .with { $0.workflowExecution.workflowID = request.workflowID.rawValue })
        case .recordActivityTaskStarted:
            .activityTaskStarted(
                .with { $0.workflowExecution.workflowID = request.workflowID.rawValue })
        default:
            throw ServiceError(.unimplemented, "")
        }
    }
}

/// Runs jobs one at a time, in order, on the shared threads.
final class TestExecutor: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isRunning = false
    }
    private let state = Mutex(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustStart = self.state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { Task { self.drain() } }
    }

    private func drain() {
        while let job = self.next() { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    private func next() -> UnownedJob? {
        self.state.withLock { state in
            guard !state.jobs.isEmpty else {
                state.isRunning = false
                return nil
            }
            return state.jobs.removeFirst()
        }
    }
}
