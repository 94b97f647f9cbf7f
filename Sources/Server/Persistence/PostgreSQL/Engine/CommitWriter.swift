import Persistence
import Primitives

/// Writes the batches that wait, those of several shards in one transaction.
///
/// Nearly always all of them succeed: then they cost one round trip and one sync of the disk. If
/// one of them does not, nothing is written, and each is written again by itself, so that the one
/// which fails leaves the others alone.
struct CommitWriter: Sendable {
    let counters: StoreCounters
    let timeout: Duration
    let batchesPerCommitMax: Int

    func run(_ commits: [PendingCommit], on keeper: inout ConnectionKeeper) {
        var rest = commits
        while !rest.isEmpty {
            // Two batches of one shard may be based on each other.
            var shards: Set<ShardID> = [], group: [PendingCommit] = [], later: [PendingCommit] = []
            for commit in rest {
                let isFirst = shards.insert(commit.write.shard).inserted
                if isFirst { group.append(commit) } else { later.append(commit) }
            }
            self.write(group, on: &keeper)
            rest = later
        }
    }

    private func write(_ group: [PendingCommit], on keeper: inout ConnectionKeeper) {
        switch self.attempt(group, on: &keeper) {
        case nil:
            self.counters.committed(batches: group.count)
            for commit in group { commit.finish(nil) }
        case .refused(let refusal):
            if group.count == 1 {
                let error = refusal.storeError(of: group[0].write.batch)
                group[0].finish(error)
            } else {
                for commit in group { self.write([commit], on: &keeper) }
            }
        case .notSent(let reason):
            for commit in group { commit.finish(.unavailable(reason)) }
        case .lost(let reason):
            for commit in group { commit.finish(.unknownOutcome(reason)) }
        }
    }

    /// Sends one transaction; a second time if the connection turns out to be of no use before
    /// anything is written.
    private func attempt(
        _ group: [PendingCommit], on keeper: inout ConnectionKeeper
    ) -> ExchangeFailure? {
        let statements = ShardBatchSQL.statements(for: group.map(\.write))
        let deadline = group.map(\.deadline).min() ?? Deadline(in: .zero)
        var isLast = false
        while true {
            let connection: PostgreSQLConnection
            do throws(StoreError) {
                connection = try keeper.ready(until: deadline)
            } catch {
                guard case .unavailable(let reason) = error else { return .notSent("\(error)") }
                return .notSent(reason)
            }
            do throws(ExchangeFailure) {
                _ = try connection.exchange(statements, until: Deadline(in: self.timeout))
                return nil
            } catch {
                guard !connection.isUsable, !isLast, error.isHarmless else { return error }
                isLast = true
            }
        }
    }
}

extension SQLRefusal {
    /// This refusal of a transaction that carried `batch` alone.
    fileprivate func storeError(of batch: ShardBatch) -> StoreError {
        switch self.condition {
        case .ownershipLost: return .ownershipLost
        case .historyExists:
            let index = self.index ?? batch.history.repeated(\.place)
            let node = batch.history[index]
            return .historyExists(node.key, firstEventID: node.firstEventID)
        case .runVersion:
            let write = batch.runs[self.index ?? batch.runs.repeated(\.key)]
            return .runVersion(write.key, isNot: write.expectedVersion)
        case .currentRun:
            let write = batch.currentRuns[self.index ?? 0]
            return .currentRun(of: write.address, isNot: write.expected)
        case .taskExists:
            return .taskExists(
                batch.addedTasks[self.index ?? batch.addedTasks.repeated(\.id)].id)
        case .backlogOrder, nil: return self.storeError
        }
    }
}

extension HistoryNode {
    struct Place: Hashable {
        let key: WorkflowKey
        let firstEventID: Int64
    }

    /// What no two batches of events may have in common.
    fileprivate var place: Place { Place(key: self.key, firstEventID: self.firstEventID) }
}

extension Array {
    /// Where the first element is that has the key of an earlier one.
    fileprivate func repeated<Key: Hashable>(_ key: (Element) -> Key) -> Int {
        var seen: Set<Key> = []
        return self.firstIndex { !seen.insert(key($0)).inserted } ?? 0
    }
}
