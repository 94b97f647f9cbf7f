import Persistence
import Primitives

/// What is being gathered for one commit, and what may be said once it is durable.
struct OpenBatch: Sendable {
    let id: HistoryShard.BatchID
    private(set) var batch = ShardBatch()
    /// Effects that this commit justifies, in order.
    var held: [HistoryShard.Effect] = []
    /// Tasks that this commit brings into being; they begin after the held effects.
    var startedTasks: [Int64] = []
    var transitions = 0
    private var runIndex: [WorkflowKey: Int] = [:]
    private var currentIndex: [WorkflowAddress: Int] = [:]
    private var visibilityIndex: [WorkflowKey: Int] = [:]

    init(id: HistoryShard.BatchID) { self.id = id }

    var isEmpty: Bool { self.batch.isEmpty && self.held.isEmpty }

    /// Adds a run's new state; a second write of the same run becomes one with the first.
    mutating func add(_ write: RunWrite) {
        guard let index = self.runIndex[write.key] else {
            self.runIndex[write.key] = self.batch.runs.count
            self.batch.runs.append(write)
            return
        }
        var merged = self.batch.runs[index]
        merged.version = write.version
        merged.nextTimerAt = write.nextTimerAt
        merged.info = write.info
        for (key, bytes) in write.upsertedItems {
            merged.upsertedItems[key] = bytes
            merged.deletedItems.remove(key)
        }
        for key in write.deletedItems {
            merged.upsertedItems[key] = nil
            merged.deletedItems.insert(key)
        }
        self.batch.runs[index] = merged
    }

    mutating func add(_ write: CurrentRunWrite) {
        guard let index = self.currentIndex[write.address] else {
            self.currentIndex[write.address] = self.batch.currentRuns.count
            self.batch.currentRuns.append(write)
            return
        }
        self.batch.currentRuns[index].runID = write.runID
    }

    mutating func add(_ record: VisibilityRecord) {
        if let index = self.visibilityIndex[record.key] {
            self.batch.visibility[index] = record
        } else {
            self.visibilityIndex[record.key] = self.batch.visibility.count
            self.batch.visibility.append(record)
        }
    }

    mutating func add(_ node: HistoryNode) { self.batch.history.append(node) }
    mutating func add(_ task: HistoryTaskRow) { self.batch.addedTasks.append(task) }
    mutating func delete(_ key: WorkflowKey) { self.batch.deletedRuns.append(key) }
    mutating func deleteTasks(_ ids: [Int64]) { self.batch.deletedTasks += ids }
}
