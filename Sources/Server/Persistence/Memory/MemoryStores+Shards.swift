import Persistence
import Primitives

// ShardStore
extension MemoryStores {
    package func acquireShard(
        _ shard: ShardID, owner: String
    ) async throws(StoreError) -> RangeID {
        try self.write { (state) throws(StoreError) in
            state.shards[shard, default: MemoryShard()].acquire(owner: owner)
        }
    }

    package func commit(
        _ batch: ShardBatch, shard: ShardID, range: RangeID
    ) async throws(StoreError) {
        try self.write { (state) throws(StoreError) in
            guard let stored = state.shards[shard] else { throw .ownershipLost }
            try stored.check(batch, range: range)
            state.shards[shard, default: MemoryShard()].apply(batch)
            state.visibility.apply(batch)
        }
    }

    package func loadRun(
        _ address: WorkflowAddress, runID: RunID?, shard: ShardID
    ) async throws(StoreError) -> RunRecord? {
        self.read { $0.shards[shard]?.run(address, runID: runID) }
    }

    package func readHistory(
        _ run: WorkflowKey, events: Range<Int64>, eventsMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryNode] {
        self.read { $0.shards[shard]?.history(run, events: events, eventsMax: eventsMax) ?? [] }
    }

    package func readTasks(
        after: Int64, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryTaskRow] {
        self.read { $0.shards[shard]?.tasks(after: after, countMax: countMax) ?? [] }
    }

    package func readTimers(
        after: TimerRow?, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [TimerRow] {
        self.read { $0.shards[shard]?.timers(after: after, countMax: countMax) ?? [] }
    }
}
