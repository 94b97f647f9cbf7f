import Persistence
import Primitives

let shard = ShardID(1)

func key(
    _ workflow: String, _ run: String, namespace: String = "n1", archetype: Archetype = .workflow
) -> WorkflowKey {
    WorkflowKey(
        archetype: archetype, namespaceID: NamespaceID(namespace), workflowID: WorkflowID(workflow),
        runID: RunID(run))
}

func at(_ nanoseconds: Int64) -> Timestamp { Timestamp(nanoseconds: nanoseconds) }

func node(_ key: WorkflowKey, _ events: ClosedRange<Int64>) -> HistoryNode {
    HistoryNode(
        key: key, firstEventID: events.lowerBound, lastEventID: events.upperBound,
        events: Array("events \(events)".utf8))
}

extension RunWrite {
    /// A write of version `version`, based on the one before.
    init(
        _ key: WorkflowKey, version: Int64, timer: Int64? = nil, items: [RunItemKey: [UInt8]] = [:],
        deletes: Set<RunItemKey> = []
    ) {
        self.init(
            key: key, expectedVersion: version - 1, version: version, nextTimerAt: timer.map(at),
            info: Array("\(key) v\(version)".utf8), upsertedItems: items, deletedItems: deletes)
    }
}

extension ShardBatch {
    /// What the start of a run writes.
    static func start(_ key: WorkflowKey, replacing expected: RunID? = nil) -> ShardBatch {
        var batch = ShardBatch()
        batch.history = [node(key, 1...2)]
        batch.runs = [RunWrite(key, version: 1, timer: 10)]
        batch.currentRuns = [
            CurrentRunWrite(address: key.address, expected: expected, runID: key.runID)
        ]
        batch.visibility = [VisibilityRecord(key)]
        return batch
    }
}

extension VisibilityRecord {
    /// An open run that started at 100, or as said.
    init(
        _ key: WorkflowKey, type: String = "Order", status: Int32 = 1, start: Int64 = 100,
        close: Int64? = nil, attributes: [String: SearchAttributeValue] = [:]
    ) {
        self.init(
            key: key, workflowType: type, taskQueue: "queue", status: status, startAt: at(start),
            executionAt: at(start), closeAt: close.map(at), historyLength: 3,
            historySizeBytes: 400, stateTransitionCount: 2, parentWorkflowID: nil,
            parentRunID: nil, rootWorkflowID: key.workflowID.rawValue,
            rootRunID: key.runID.rawValue, searchAttributes: attributes, memo: [1, 0, 2],
            searchAttributePayloads: [3])
    }
}

/// Everything one shard has stored, as its protocol shows it.
struct ShardContents: Equatable {
    var runs: [RunRecord?]
    var history: [[HistoryNode]]
    var tasks: [HistoryTaskRow]
    var timers: [TimerRow]
    var visibility: [VisibilityRecord]

    init(
        _ stores: any Stores, keys: [WorkflowKey], shard: ShardID = shard
    ) async throws(StoreError) {
        self.runs = []
        self.history = []
        for key in keys {
            self.runs.append(
                try await stores.loadRun(key.address, runID: key.runID, shard: shard))
            self.history.append(
                try await stores.readHistory(
                    key, events: 1..<1_000, eventsMax: 1_000, shard: shard))
        }
        self.tasks = try await stores.readTasks(after: .min, countMax: 1_000, shard: shard)
        self.timers = try await stores.readTimers(after: nil, countMax: 1_000, shard: shard)
        self.visibility = []
        for namespace in Set(keys.map(\.namespaceID)).sorted() {
            self.visibility += try await stores.listRuns(
                VisibilityQuery(namespaceID: namespace, filter: .all))
        }
    }
}
