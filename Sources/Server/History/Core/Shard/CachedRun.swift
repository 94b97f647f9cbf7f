import Persistence
import Primitives
import ServiceClients
import TemporalAPI

/// A run in a shard's memory, with everything accepted for it so far, durable or not.
struct CachedRun: Sendable {
    var state: MutableState
    /// Stored version after the newest batch that holds this run.
    var version: Int64
    /// The newest batch that holds this run.
    var lastBatch: HistoryShard.BatchID
    /// The newest events, without gaps, up to the last one.
    var recentEvents: [HistoryEvent] = []
    var recentBytes = 0
    /// Stored size of the info and of each item, in bytes.
    private var infoBytes = 0
    private var itemBytes: [RunItemKey: Int] = [:]
    private var itemBytesTotal = 0
    var lastUse: UInt64 = 0
    var waiters: [HistoryWaiter] = []
    var queries: [BufferedQuery] = []
    /// Updates that are not in history.
    var updates = PendingUpdates()
    var updateWaiters: [UpdateWaiter] = []

    init(state: MutableState, version: Int64, lastBatch: HistoryShard.BatchID) {
        self.state = state
        self.version = version
        self.lastBatch = lastBatch
    }

    /// Stored size of the state.
    var stateBytes: Int { self.infoBytes + self.itemBytesTotal }

    /// About what the run occupies in memory.
    ///
    /// A message takes several times its stored size, most of it for the fields it does not have:
    /// with 60,000 open runs it was 11 KiB for each.
    var bytes: Int {
        let messages = self.itemBytes.count + self.recentEvents.count
        return 2_048 + 640 * messages + self.updates.bytes
            + 2 * (self.infoBytes + self.itemBytesTotal + self.recentBytes)
    }

    /// Keeps account of the size of what was read or written.
    mutating func account(
        info: [UInt8], upserted: [RunItemKey: [UInt8]], deleted: Set<RunItemKey>
    ) {
        self.infoBytes = info.count
        for (key, bytes) in upserted {
            self.itemBytesTotal += bytes.count - (self.itemBytes[key] ?? 0)
            self.itemBytes[key] = bytes.count
        }
        for key in deleted { self.itemBytesTotal -= self.itemBytes.removeValue(forKey: key) ?? 0 }
    }
    /// Whether callers wait on this run, so that it must stay in memory.
    var isAwaited: Bool {
        !self.waiters.isEmpty || !self.queries.isEmpty || !self.updateWaiters.isEmpty
    }

    /// Events of a range if all of them are in memory.
    func events(in range: Range<Int64>) -> [HistoryEvent]? {
        if range.isEmpty { return [] }
        guard let first = self.recentEvents.first?.eventID, first <= range.lowerBound,
            let last = self.recentEvents.last?.eventID, last >= range.upperBound - 1
        else { return nil }
        let start = Int(range.lowerBound - first)
        return Array(self.recentEvents[start..<(start + range.count)])
    }

    /// Takes new events in; the oldest ones go when there are too many bytes.
    mutating func remember(_ events: [HistoryEvent], bytes: Int) {
        let bytesMax = 256 * 1_024
        self.recentEvents += events
        self.recentBytes += bytes
        guard self.recentBytes > bytesMax else { return }
        let kept = max(self.recentEvents.count / 2, 1)
        self.recentEvents.removeFirst(self.recentEvents.count - kept)
        // An estimate is enough: it only decides when to forget more.
        self.recentBytes = self.recentBytes > 2 * bytesMax ? bytesMax : self.recentBytes / 2
        if self.recentBytes > bytesMax { self.recentEvents = []; self.recentBytes = 0 }
    }
}

/// A caller who waits for events that do not exist yet.
struct HistoryWaiter: Sendable {
    let id: HistoryShard.RequestID
    let request: Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryRequest
    let deadline: Timestamp
}

/// A query that rides on the run's next workflow task.
struct BufferedQuery: Sendable {
    let id: HistoryShard.QueryID
    let requestID: HistoryShard.RequestID
    let request: Temporal_Api_Workflowservice_V1_QueryWorkflowRequest
    let deadline: Timestamp?
    /// The started workflow task that carries this query; its worker saw all that came before it.
    var carrier: Int32?

    /// The key under which a workflow task carries it.
    var key: String { String(self.id.rawValue) }
}
