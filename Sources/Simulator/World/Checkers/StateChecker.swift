import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Checks after commits that the state which is stored of a run is what its history says.
// Safe because a simulation has one thread.
final class StateChecker: @unchecked Sendable {
    private let stores: any Stores
    private let settings: Settings
    private var random: SeededGenerator
    private let fail: (String) -> Void
    private(set) var checkCount = 0

    init(
        _ stores: any Stores, _ settings: Settings, _ random: SeededGenerator,
        fail: @escaping (String) -> Void
    ) {
        self.stores = stores
        self.settings = settings
        self.random = random
        self.fail = fail
    }

    /// Looks at some of the runs that a commit has written.
    func committed(_ batch: ShardBatch, _ shard: ShardID) async {
        for write in batch.runs
        where write.key.archetype == .workflow && Int.random(in: 0..<4, using: &self.random) == 0 {
            do {
                if let problem = try await self.problem(of: write.key, shard) { self.fail(problem) }
            } catch {
                self.fail("\(write.key) cannot be rebuilt: \(error)")
            }
        }
    }

    private func problem(of key: WorkflowKey, _ shard: ShardID) async throws -> String? {
        let record = try await self.stores.loadRun(key.address, runID: key.runID, shard: shard)
        guard let record else { return nil }
        let nodes = try await self.stores.readHistory(
            key, events: 1..<Int64.max, eventsMax: .max, shard: shard)
        self.checkCount += 1
        let stored = try MutableState(record)
        let beginning = MutableState(
            key, namespaceName: stored.info.namespaceName,
            retention: .nanoseconds(stored.info.retentionNs),
            createRequestID: stored.info.createRequestID)
        let batches = try nodes.map {
            try Temporal_Api_History_V1_History(serializedBytes: $0.events).events
        }
        var rebuilt = try RebuiltState(batches, on: beginning, settings: self.settings).state
        // What waits in the buffer was applied when it came.
        for entry in stored.bufferedEvents { _ = try rebuilt.apply(entry.event) }
        guard rebuilt.decidedByHistory != stored.decidedByHistory else { return nil }
        return "the state of \(key) is not what its history says"
    }
}
