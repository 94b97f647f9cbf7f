import Persistence
import Primitives

/// What one shard has stored, with every condition of the storage contract, synchronously.
struct ShardTable {
    struct Run: Equatable {
        var version: Int64
        var nextTimerAt: Timestamp?
        var info: [UInt8]
        var items: [RunItemKey: [UInt8]]
    }

    private(set) var range: Int64 = 0
    private(set) var runs: [WorkflowKey: Run] = [:]
    /// Every run there ever was, deleted ones included.
    private(set) var known: Set<WorkflowKey> = []
    private(set) var currentRuns: [WorkflowAddress: RunID] = [:]
    private(set) var history: [WorkflowKey: [HistoryNode]] = [:]
    private(set) var tasks: [Int64: HistoryTaskRow] = [:]
    private(set) var visibility: [WorkflowKey: VisibilityRecord] = [:]

    mutating func acquire() -> RangeID {
        self.range += 1
        return RangeID(self.range)
    }

    mutating func commit(_ batch: ShardBatch, range: RangeID) throws(StoreError) {
        guard range.rawValue == self.range else { throw .ownershipLost }
        for node in batch.history {
            let last = self.history[node.key]?.last?.lastEventID ?? 0
            let earlier = batch.history.prefix { $0 != node }.last { $0.key == node.key }
            // Stricter than a real store: histories have neither gaps nor overlaps.
            guard node.firstEventID == (earlier?.lastEventID ?? last) + 1 else {
                throw .historyExists(node.key, firstEventID: node.firstEventID)
            }
        }
        for write in batch.runs {
            guard (self.runs[write.key]?.version ?? 0) == write.expectedVersion else {
                throw .runVersion(write.key, isNot: write.expectedVersion)
            }
        }
        for write in batch.currentRuns {
            guard self.currentRuns[write.address] == write.expected else {
                throw .currentRun(of: write.address, isNot: write.expected)
            }
        }
        for task in batch.addedTasks where self.tasks[task.id] != nil { throw .taskExists(task.id) }
        self.apply(batch)
    }

    private mutating func apply(_ batch: ShardBatch) {
        for node in batch.history { self.history[node.key, default: []].append(node) }
        for write in batch.runs {
            var run =
                self.runs[write.key] ?? Run(version: 0, nextTimerAt: nil, info: [], items: [:])
            run.version = write.version
            run.nextTimerAt = write.nextTimerAt
            run.info = write.info
            for key in write.deletedItems { run.items[key] = nil }
            run.items.merge(write.upsertedItems) { _, new in new }
            self.runs[write.key] = run
            self.known.insert(write.key)
        }
        for write in batch.currentRuns { self.currentRuns[write.address] = write.runID }
        for task in batch.addedTasks { self.tasks[task.id] = task }
        for id in batch.deletedTasks { self.tasks[id] = nil }
        for record in batch.visibility { self.visibility[record.key] = record }
        for key in batch.deletedRuns {
            self.runs[key] = nil
            self.history[key] = nil
            self.visibility[key] = nil
            if self.currentRuns[key.address] == key.runID { self.currentRuns[key.address] = nil }
        }
    }

    func load(_ address: WorkflowAddress, _ runID: RunID?) -> RunRecord? {
        let current = self.currentRuns[address]
        guard let runID = runID ?? current else { return nil }
        let key = WorkflowKey(address, runID)
        return self.runs[key].map {
            RunRecord(
                key: key, version: $0.version, info: $0.info, items: $0.items,
                currentRunID: current)
        }
    }

    func nodes(_ key: WorkflowKey, _ events: Range<Int64>, eventsMax: Int) -> [HistoryNode] {
        var nodes: [HistoryNode] = [], count: Int64 = 0
        for node in self.history[key] ?? []
        where node.lastEventID >= events.lowerBound && node.firstEventID < events.upperBound {
            nodes.append(node)
            count += node.lastEventID - node.firstEventID + 1
            if count >= eventsMax { break }
        }
        return nodes
    }

    func taskRows(after: Int64, countMax: Int) -> [HistoryTaskRow] {
        Array(self.tasks.values.filter { $0.id > after }.sorted { $0.id < $1.id }.prefix(countMax))
    }

    func timers(after: TimerRow?, countMax: Int) -> [TimerRow] {
        let rows = self.runs.compactMap { key, run in
            run.nextTimerAt.map { TimerRow(at: $0, key: key) }
        }
        return Array(
            rows.filter { row in after.map { $0 < row } ?? true }.sorted().prefix(countMax))
    }
}
