import Persistence
import Primitives
import TemporalAPI

/// A standalone activity in a shard's memory, with everything accepted for it so far, durable or not.
struct CachedActivity: Sendable {
    var state: StandaloneActivityState
    /// Stored version after the newest batch that holds this run.
    var version: Int64
    /// The newest batch that holds this run.
    var lastBatch: HistoryShard.BatchID
    /// Stored size, in bytes.
    var storedBytes = 0
    var lastUse: UInt64 = 0
    var waiters: [ActivityWaiter] = []

    init(state: StandaloneActivityState, version: Int64, lastBatch: HistoryShard.BatchID) {
        self.state = state
        self.version = version
        self.lastBatch = lastBatch
    }

    /// About what it occupies in memory, as of a ``CachedRun``.
    var bytes: Int { 2_048 + 2 * self.storedBytes }
    /// Whether callers wait on this run, so that it must stay in memory.
    var isAwaited: Bool { !self.waiters.isEmpty }
}

/// A caller who waits for a standalone activity to change or to end.
struct ActivityWaiter: Sendable {
    enum Wish: Sendable {
        case outcome
        /// Any transition after the one with this number.
        case change(
            after: Int64, Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest)
    }

    let id: HistoryShard.RequestID
    let wish: Wish
    let deadline: Timestamp
}
