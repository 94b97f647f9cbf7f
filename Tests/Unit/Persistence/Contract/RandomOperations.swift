import Persistence
import Primitives

/// One call of a store, whose outcome can be compared.
enum StoreOperation: Sendable {
    case acquireShard(ShardID)
    case commit(ShardBatch, ShardID, RangeID)
    case loadRun(WorkflowAddress, RunID?, ShardID)
    case readHistory(WorkflowKey, Range<Int64>, eventsMax: Int, ShardID)
    case readTasks(after: Int64, countMax: Int, ShardID)
    case readTimers(after: TimerRow?, countMax: Int, ShardID)
    case acquireTaskQueue(TaskQueueKey)
    case appendBacklog([BacklogRow], TaskQueueKey, RangeID)
    case readBacklog(TaskQueueKey, after: Int64, countMax: Int)
    case completeBacklog(TaskQueueKey, through: Int64, RangeID)
    case createNamespace(NamespaceRow)
    case updateNamespace(NamespaceRow)
    case listNamespaces(after: String?, countMax: Int)
    case listRuns(VisibilityQuery)

    enum Answer: Equatable, Sendable {
        case done
        case range(RangeID)
        case run(RunRecord?)
        case history([HistoryNode])
        case tasks([HistoryTaskRow])
        case timers([TimerRow])
        case lease(TaskQueueLease)
        case backlog([BacklogRow])
        case namespaces([NamespaceRow])
        case runs([VisibilityRecord])
    }

    func outcome(on stores: any Stores) async -> Result<Answer, StoreError> {
        do throws(StoreError) {
            return .success(try await self.answer(of: stores))
        } catch {
            return .failure(error)
        }
    }

    private func answer(of stores: any Stores) async throws(StoreError) -> Answer {
        switch self {
        case .acquireShard(let shard):
            return .range(try await stores.acquireShard(shard, owner: "a"))
        case .commit(let batch, let shard, let range):
            try await stores.commit(batch, shard: shard, range: range)
        case .loadRun(let address, let run, let shard):
            return .run(try await stores.loadRun(address, runID: run, shard: shard))
        case .readHistory(let key, let events, let eventsMax, let shard):
            return .history(
                try await stores.readHistory(
                    key, events: events, eventsMax: eventsMax, shard: shard))
        case .readTasks(let after, let countMax, let shard):
            return .tasks(
                try await stores.readTasks(after: after, countMax: countMax, shard: shard))
        case .readTimers(let after, let countMax, let shard):
            return .timers(
                try await stores.readTimers(after: after, countMax: countMax, shard: shard))
        case .acquireTaskQueue(let queue):
            return .lease(try await stores.acquireTaskQueue(queue, owner: "a"))
        case .appendBacklog(let rows, let queue, let range):
            try await stores.appendBacklog(rows, to: queue, range: range)
        case .readBacklog(let queue, let after, let countMax):
            return .backlog(
                try await stores.readBacklog(queue, after: after, countMax: countMax))
        case .completeBacklog(let queue, let ackLevel, let range):
            try await stores.completeBacklog(queue, through: ackLevel, range: range)
        case .createNamespace(let row): try await stores.createNamespace(row)
        case .updateNamespace(let row): try await stores.updateNamespace(row)
        case .listNamespaces(let name, let countMax):
            return .namespaces(try await stores.listNamespaces(after: name, countMax: countMax))
        case .listRuns(let query): return .runs(try await stores.listRuns(query))
        }
        return .done
    }
}

/// Draws operations on few keys, so that they meet; most writes are valid, some are not.
struct RandomOperations {
    static let shards = [ShardID(1), ShardID(2)]
    static let keys: [WorkflowKey] = ["n1", "n2"].flatMap { namespace in
        ["a", "b"].flatMap { workflow in
            // A run id belongs to one run only.
            (1...2).map { key(workflow, "\(namespace)-\(workflow)-\($0)", namespace: namespace) }
                + [
                    key(
                        workflow, "\(namespace)-\(workflow)-3", namespace: namespace,
                        archetype: .activity)
                ]
        }
    }
    /// A workflow belongs to one shard for ever; only reads look for it in another one.
    private static func shard(of key: WorkflowKey) -> ShardID {
        key.workflowID == "a" ? ShardID(1) : ShardID(2)
    }

    private static let queues = [true, false].map {
        TaskQueueKey(namespaceID: "n1", name: "q", type: .workflow, isSticky: $0)
    }

    private var random: SeededGenerator
    private var ranges: [ShardID: RangeID] = [:]
    private var queueRanges: [TaskQueueKey: RangeID] = [:]
    /// Batches of history do not overlap, and some begin at 1.
    private var lastID: Int64 = 2

    init(seed: UInt64) { self.random = SeededGenerator(seed) }

    private mutating func draw<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self.random)]
    }

    private mutating func chance(of one: Int) -> Bool {
        Int.random(in: 0..<one, using: &self.random) == 0
    }

    mutating func next(given stores: any Stores) async throws -> StoreOperation {
        let shard = self.draw(Self.shards), key = self.draw(Self.keys)
        let queue = self.draw(Self.queues), countMax = self.draw([0, 1, 2, 50])
        let id = Int64.random(in: -1...(self.lastID + 2), using: &self.random)
        switch Int.random(in: 0..<24, using: &self.random) {
        case 0:
            self.ranges[shard] = RangeID((self.ranges[shard]?.rawValue ?? 0) + 1)
            return .acquireShard(shard)
        case 1: return .loadRun(key.address, self.draw([nil, key.runID]), shard)
        case 2: return .readHistory(key, id..<(id + 4), eventsMax: countMax, shard)
        case 3: return .readTasks(after: id, countMax: countMax, shard)
        case 4:
            let after = self.draw([nil, TimerRow(at: at(Int64(countMax)), key: key)])
            return .readTimers(after: after, countMax: countMax, shard)
        case 5:
            self.queueRanges[queue] = RangeID((self.queueRanges[queue]?.rawValue ?? 0) + 1)
            return .acquireTaskQueue(queue)
        case 6, 7:
            self.lastID += 2
            let first = self.chance(of: 6) ? id : self.lastID
            let rows = [first, first + 1].map { BacklogRow(id: $0, task: [UInt8($0 & 0xff)]) }
            return .appendBacklog(rows, queue, self.queueRange(queue))
        case 8: return .readBacklog(queue, after: id, countMax: countMax)
        case 9: return .completeBacklog(queue, through: id, self.queueRange(queue))
        case 10: return .createNamespace(self.namespace())
        case 11: return .updateNamespace(self.namespace())
        case 12: return .listNamespaces(after: self.draw([nil, "b"]), countMax: countMax)
        case 13:
            return .listRuns(
                VisibilityQuery(
                    namespaceID: key.namespaceID, filter: .all, countMax: countMax))
        default:
            let range = self.chance(of: 12) ? RangeID(1) : self.ranges[shard] ?? RangeID(1)
            return .commit(try await self.batch(shard, given: stores), shard, range)
        }
    }

    private mutating func queueRange(_ queue: TaskQueueKey) -> RangeID {
        self.chance(of: 12) ? RangeID(1) : self.queueRanges[queue] ?? RangeID(1)
    }

    private mutating func namespace() -> NamespaceRow {
        NamespaceRow(
            id: self.draw(["i1", "i2", "i3"]), name: self.draw(["a", "b", "c", "d"]),
            record: [UInt8.random(in: 0...255, using: &self.random)])
    }

    private mutating func batch(
        _ shard: ShardID, given stores: any Stores
    ) async throws -> ShardBatch {
        var batch = ShardBatch()
        var keys: Set<WorkflowKey> = []
        let own = Self.keys.filter { Self.shard(of: $0) == shard }
        for _ in 0..<Int.random(in: 1...3, using: &self.random) {
            let key = self.draw(own)
            guard keys.insert(key).inserted else { continue }
            let stored = try await stores.loadRun(key.address, runID: key.runID, shard: shard)
            let current = try await stores.loadRun(key.address, runID: nil, shard: shard)
            self.lastID += 2
            if key.archetype == .workflow {
                batch.history.append(
                    node(key, self.chance(of: 15) ? 1...2 : self.lastID...(self.lastID + 1)))
            }
            batch.runs.append(self.write(key, stored: stored))
            if self.chance(of: 2) {
                let expected = self.chance(of: 10) ? key.runID : current?.currentRunID
                batch.currentRuns.append(
                    CurrentRunWrite(address: key.address, expected: expected, runID: key.runID))
            }
            batch.addedTasks.append(HistoryTaskRow(id: self.lastID, task: [1]))
            if self.chance(of: 20) { batch.addedTasks.append(HistoryTaskRow(id: 4, task: [2])) }
            batch.deletedTasks.append(Int64.random(in: 0...self.lastID, using: &self.random))
            batch.visibility.append(
                VisibilityRecord(key, start: self.lastID, close: self.chance(of: 2) ? 5 : nil))
            if self.chance(of: 6) { batch.deletedRuns.append(self.draw(own)) }
        }
        return batch
    }

    private mutating func write(_ key: WorkflowKey, stored: RunRecord?) -> RunWrite {
        let items = (0..<3).map { RunItemKey(kind: $0 % 2, id: "i\($0)") }
        let version = self.chance(of: 12) ? 3 : stored?.version ?? 0
        return RunWrite(
            key, version: version + 1,
            timer: self.chance(of: 3) ? nil : Int64.random(in: 0...9, using: &self.random),
            items: [self.draw(items): [UInt8.random(in: 0...255, using: &self.random)]],
            deletes: self.chance(of: 2) ? [self.draw(items)] : [])
    }
}
