import Persistence
import Primitives

/// What one shard has stored.
struct MemoryShard: Sendable {
    /// The mutable state of one run.
    struct Run: Sendable {
        var version: Int64
        var nextTimerAt: Timestamp?
        var info: [UInt8]
        var items: [RunItemKey: [UInt8]]
    }

    private(set) var range = RangeID(0)
    private(set) var owner = ""
    private var runs: [WorkflowKey: Run] = [:]
    private var currentRuns: [WorkflowAddress: RunID] = [:]
    /// By first event.
    private var history: [WorkflowKey: [HistoryNode]] = [:]
    private var tasks: [Int64: [UInt8]] = [:]

    mutating func acquire(owner: String) -> RangeID {
        self.range = RangeID(self.range.rawValue + 1)
        self.owner = owner
        return self.range
    }

    /// Checks every condition of `batch`; after that, ``apply(_:)`` cannot fail.
    func check(_ batch: ShardBatch, range: RangeID) throws(StoreError) {
        guard range == self.range else { throw .ownershipLost }
        try self.checkHistory(batch.history)
        try self.checkRuns(batch.runs)
        try self.checkCurrentRuns(batch.currentRuns)
        var added: Set<Int64> = []
        for task in batch.addedTasks {
            guard self.tasks[task.id] == nil, added.insert(task.id).inserted else {
                throw .taskExists(task.id)
            }
        }
    }

    private func checkHistory(_ nodes: [HistoryNode]) throws(StoreError) {
        struct Place: Hashable {
            let key: WorkflowKey
            let firstEventID: Int64
        }
        var added: Set<Place> = []
        for node in nodes {
            invariant(node.firstEventID <= node.lastEventID, "empty history batch of \(node.key)")
            let stored = self.history[node.key] ?? []
            let index = stored.firstIndex(behind: node.firstEventID - 1)
            let isTaken = index < stored.count && stored[index].firstEventID == node.firstEventID
            let place = Place(key: node.key, firstEventID: node.firstEventID)
            guard !isTaken, added.insert(place).inserted else {
                throw .historyExists(node.key, firstEventID: node.firstEventID)
            }
        }
    }

    private func checkRuns(_ writes: [RunWrite]) throws(StoreError) {
        var versions: [WorkflowKey: Int64] = [:]
        for write in writes {
            invariant(write.version > write.expectedVersion, "version of \(write.key) must rise")
            let version = versions[write.key] ?? self.runs[write.key]?.version ?? 0
            guard version == write.expectedVersion else {
                throw .runVersion(write.key, isNot: write.expectedVersion)
            }
            versions[write.key] = write.version
        }
    }

    private func checkCurrentRuns(_ writes: [CurrentRunWrite]) throws(StoreError) {
        var current: [WorkflowAddress: RunID] = [:]
        for write in writes {
            let stored = current[write.address] ?? self.currentRuns[write.address]
            guard stored == write.expected else {
                throw .currentRun(of: write.address, isNot: write.expected)
            }
            current[write.address] = write.runID
        }
    }

    mutating func apply(_ batch: ShardBatch) {
        for node in batch.history {
            var nodes = self.history.removeValue(forKey: node.key) ?? []
            nodes.insert(node, at: nodes.firstIndex(behind: node.firstEventID))
            self.history[node.key] = nodes
        }
        for write in batch.runs { self.apply(write) }
        for write in batch.currentRuns { self.currentRuns[write.address] = write.runID }
        for task in batch.addedTasks { self.tasks[task.id] = task.task }
        for id in batch.deletedTasks { self.tasks[id] = nil }
        for key in batch.deletedRuns {
            self.runs[key] = nil
            self.history[key] = nil
            if self.currentRuns[key.address] == key.runID { self.currentRuns[key.address] = nil }
        }
    }

    private mutating func apply(_ write: RunWrite) {
        var run =
            self.runs.removeValue(forKey: write.key)
            ?? Run(version: 0, nextTimerAt: nil, info: [], items: [:])
        run.version = write.version
        run.nextTimerAt = write.nextTimerAt
        run.info = write.info
        for key in write.deletedItems { run.items[key] = nil }
        run.items.merge(write.upsertedItems) { _, new in new }
        self.runs[write.key] = run
    }

    func run(_ address: WorkflowAddress, runID: RunID?) -> RunRecord? {
        let current = self.currentRuns[address]
        guard let runID = runID ?? current else { return nil }
        let key = WorkflowKey(address, runID)
        return self.runs[key].map {
            RunRecord(
                key: key, version: $0.version, info: $0.info, items: $0.items,
                currentRunID: current)
        }
    }

    func history(_ key: WorkflowKey, events: Range<Int64>, eventsMax: Int) -> [HistoryNode] {
        var nodes: [HistoryNode] = [], count = 0
        for node in self.history[key] ?? []
        where node.lastEventID >= events.lowerBound && node.firstEventID < events.upperBound {
            nodes.append(node)
            count += Int(node.lastEventID - node.firstEventID + 1)
            if count >= eventsMax { break }
        }
        return nodes
    }

    func tasks(after id: Int64, countMax: Int) -> [HistoryTaskRow] {
        let ids = self.tasks.keys.filter { $0 > id }.sorted()
        return ids.prefix(max(countMax, 0)).compactMap { id in
            self.tasks[id].map { HistoryTaskRow(id: id, task: $0) }
        }
    }

    func timers(after row: TimerRow?, countMax: Int) -> [TimerRow] {
        let rows = self.runs.compactMap { (key, run) -> TimerRow? in
            guard let at = run.nextTimerAt else { return nil }
            let timer = TimerRow(at: at, key: key)
            if let row, timer <= row { return nil }
            return timer
        }
        return Array(rows.sorted().prefix(max(countMax, 0)))
    }
}

extension [HistoryNode] {
    /// Where the first batch starts that is behind `eventID`; batches are by first event.
    fileprivate func firstIndex(behind eventID: Int64) -> Int {
        // Histories grow at their end.
        guard let last = self.last, last.firstEventID > eventID else { return self.count }
        return self.firstIndex { $0.firstEventID > eventID } ?? self.count
    }
}
