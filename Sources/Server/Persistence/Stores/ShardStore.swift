import Primitives

/// Stores the workflows of the history shards.
///
/// Every write is fenced by the range id its caller acquired; all or nothing of a batch is written.
package protocol ShardStore: Sendable {
    /// Takes the shard over from whoever had it: raises its range id and returns the new one.
    /// - Throws: ``StoreError/unavailable(_:)``, ``StoreError/unknownOutcome(_:)``
    func acquireShard(_ shard: ShardID, owner: String) async throws(StoreError) -> RangeID

    /// Writes `batch` atomically and durably.
    /// - Throws: ``StoreError/conditionFailed(_:)`` and ``StoreError/ownershipLost`` when nothing
    ///   was written, ``StoreError/unknownOutcome(_:)`` when that cannot be told.
    func commit(_ batch: ShardBatch, shard: ShardID, range: RangeID) async throws(StoreError)

    /// A run with all its items, or nil if there is none.
    ///
    /// Without a run id: the workflow id's current run.
    func loadRun(
        _ address: WorkflowAddress, runID: RunID?, shard: ShardID
    ) async throws(StoreError) -> RunRecord?

    /// History batches of a run that overlap `events`, in order.
    ///
    /// Ends after the batch that reaches `eventsMax` events.
    func readHistory(
        _ run: WorkflowKey, events: Range<Int64>, eventsMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryNode]

    /// History tasks with an id above `after`, by id.
    func readTasks(
        after: Int64, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryTaskRow]

    /// Runs with a timer, by time then key, strictly behind `after`.
    func readTimers(
        after: TimerRow?, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [TimerRow]
}

/// Everything a shard writes in one commit, applied in the order of the properties.
package struct ShardBatch: Sendable, Equatable {
    package var history: [HistoryNode] = []
    /// At most one per run.
    package var runs: [RunWrite] = []
    package var currentRuns: [CurrentRunWrite] = []
    package var addedTasks: [HistoryTaskRow] = []
    package var deletedTasks: [Int64] = []
    /// At most one per run.
    package var visibility: [VisibilityRecord] = []
    /// Runs removed with everything they have: items, history, current row (if theirs), visibility.
    package var deletedRuns: [WorkflowKey] = []

    package init() {}

    package var isEmpty: Bool {
        self.history.isEmpty && self.runs.isEmpty && self.currentRuns.isEmpty
            && self.addedTasks.isEmpty && self.deletedTasks.isEmpty && self.visibility.isEmpty
            && self.deletedRuns.isEmpty
    }
}

/// One part of a run's mutable state that is written by itself: a pending activity, a timer, ….
package struct RunItemKey: Hashable, Comparable, Sendable {
    /// What the item is; HistoryCore numbers them.
    package let kind: Int32
    package let id: String

    package init(kind: Int32, id: String) {
        self.kind = kind
        self.id = id
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.kind, left.id) < (right.kind, right.id)
    }
}

/// The new mutable state of a run, as a difference from the stored one.
package struct RunWrite: Sendable, Equatable {
    package let key: WorkflowKey
    /// The stored version this is based on: 0 if the run must not exist yet.
    package var expectedVersion: Int64
    /// The version after this write, greater than the expected one.
    package var version: Int64
    /// When this run next needs attention; nil is never.
    package var nextTimerAt: Timestamp?
    package var info: [UInt8]
    package var upsertedItems: [RunItemKey: [UInt8]]
    package var deletedItems: Set<RunItemKey>

    package init(
        key: WorkflowKey, expectedVersion: Int64, version: Int64, nextTimerAt: Timestamp?,
        info: [UInt8], upsertedItems: [RunItemKey: [UInt8]], deletedItems: Set<RunItemKey>
    ) {
        self.key = key
        self.expectedVersion = expectedVersion
        self.version = version
        self.nextTimerAt = nextTimerAt
        self.info = info
        self.upsertedItems = upsertedItems
        self.deletedItems = deletedItems
    }
}

/// A run as it is stored.
package struct RunRecord: Sendable, Equatable {
    package let key: WorkflowKey
    package let version: Int64
    package let info: [UInt8]
    package let items: [RunItemKey: [UInt8]]
    /// The workflow id's current run, which may be another one.
    package let currentRunID: RunID?

    package init(
        key: WorkflowKey, version: Int64, info: [UInt8], items: [RunItemKey: [UInt8]],
        currentRunID: RunID?
    ) {
        self.key = key
        self.version = version
        self.info = info
        self.items = items
        self.currentRunID = currentRunID
    }
}

/// Makes a run the current one of its workflow id.
package struct CurrentRunWrite: Sendable, Equatable {
    package let address: WorkflowAddress
    /// The current run this is based on; nil if there must be none.
    package var expected: RunID?
    package var runID: RunID

    package init(address: WorkflowAddress, expected: RunID?, runID: RunID) {
        self.address = address
        self.expected = expected
        self.runID = runID
    }
}

/// One batch of events of one run, never changed after it is written.
package struct HistoryNode: Sendable, Equatable {
    package let key: WorkflowKey
    package let firstEventID: Int64
    package let lastEventID: Int64
    /// A serialized `temporal.api.history.v1.History`.
    package let events: [UInt8]

    package init(key: WorkflowKey, firstEventID: Int64, lastEventID: Int64, events: [UInt8]) {
        self.key = key
        self.firstEventID = firstEventID
        self.lastEventID = lastEventID
        self.events = events
    }
}

/// Work to do after a commit, kept until it is done.
package struct HistoryTaskRow: Sendable, Equatable {
    package let id: Int64
    /// A serialized `HistoryTask` record.
    package let task: [UInt8]

    package init(id: Int64, task: [UInt8]) {
        self.id = id
        self.task = task
    }
}

/// When a run next needs attention.
package struct TimerRow: Hashable, Comparable, Sendable {
    package let at: Timestamp
    package let key: WorkflowKey

    package init(at: Timestamp, key: WorkflowKey) {
        self.at = at
        self.key = key
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.at, left.key) < (right.at, right.key)
    }
}
