import Persistence

/// A defect put into the world on purpose: a simulator that does not find it proves nothing.
package enum PlantedBug: String, CaseIterable, Sendable {
    /// The store says that it wrote a shard's batch, and did not.
    case commitForgotten
    /// The store leaves the events out of a shard's batch.
    case historyForgotten
    /// The store leaves the history tasks out of a shard's batch.
    case tasksForgotten
    /// The store leaves the timers out of a shard's batch.
    case timersForgotten
    /// The store says that it wrote backlog rows, and did not.
    case backlogForgotten
    /// The store says that it changed a namespace, and did not.
    case namespaceForgotten
    /// One RPC does not ask who calls.
    case rpcUnguarded
    /// What was said of a token counts for long.
    case claimsNeverOld
    /// Whoever calls is asked for every time.
    case verdictsForgotten
    /// Tokens are taken when their time is up.
    case expiryForgotten
    /// Of what OpenFGA lists, only the first page is read.
    case pagesLost

    /// Whether it is a defect of the store.
    var isOfStore: Bool {
        switch self {
        case .commitForgotten, .historyForgotten, .tasksForgotten, .timersForgotten,
            .backlogForgotten, .namespaceForgotten:
            true
        case .rpcUnguarded, .claimsNeverOld, .verdictsForgotten, .expiryForgotten, .pagesLost:
            false
        }
    }

    /// What this makes of a batch; nil if nothing is written.
    func tampered(_ batch: ShardBatch) -> ShardBatch? {
        var batch = batch
        switch self {
        case .commitForgotten: return nil
        case .historyForgotten: batch.history = []
        case .tasksForgotten: batch.addedTasks = []
        case .timersForgotten:
            for index in batch.runs.indices { batch.runs[index].nextTimerAt = nil }
        case .backlogForgotten, .namespaceForgotten, .rpcUnguarded, .claimsNeverOld,
            .verdictsForgotten, .expiryForgotten, .pagesLost:
            break
        }
        return batch
    }
}
