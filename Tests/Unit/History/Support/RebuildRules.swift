import DynamicConfig
import HistoryCore
import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI
import Testing

/// A run's stored state is what its stored history says, after every commit of every test.
enum RebuildRules {
    static func check(_ batch: ShardBatch, _ store: ShardTable, _ settings: Settings) {
        for write in batch.runs
        where write.key.archetype == .workflow && store.runs[write.key] != nil {
            do { try self.check(write.key, store, settings) } catch {
                Issue.record("\(write.key) cannot be rebuilt: \(error)")
            }
        }
    }

    private static func check(
        _ key: WorkflowKey, _ store: ShardTable, _ settings: Settings
    ) throws {
        guard let run = store.runs[key] else { return }
        let nodes = store.history[key] ?? []
        // Folding everything after every commit takes the square of the length.
        let length = nodes.last?.lastEventID ?? 0
        guard length < 2_000 || length % 97 == 0 else { return }
        let stored = try MutableState(
            RunRecord(
                key: key, version: run.version, info: run.info, items: run.items,
                currentRunID: nil))
        let rebuilt = try self.rebuild(stored, nodes, settings)
        guard rebuilt != stored.decidedByHistory else { return }
        Issue.record(
            """
            \(key) differs from its history
            history says: \(rebuilt.text)
            stored: \(stored.decidedByHistory.text)
            """)
    }

    /// The state as history says, with what waits in the buffer applied as it was when it came.
    private static func rebuild(
        _ stored: MutableState, _ nodes: [HistoryNode], _ settings: Settings
    ) throws -> MutableState {
        let beginning = MutableState(
            stored.key, namespaceName: stored.info.namespaceName,
            retention: .nanoseconds(stored.info.retentionNs),
            createRequestID: stored.info.createRequestID)
        let batches = try nodes.map {
            try Temporal_Api_History_V1_History(serializedBytes: $0.events).events
        }
        var rebuilt = try RebuiltState(batches, on: beginning, settings: settings).state
        for entry in stored.bufferedEvents { _ = try rebuilt.apply(entry.event) }
        return rebuilt.decidedByHistory
    }
}

extension MutableState {
    /// All of it, for a difference to be found by eye.
    fileprivate var text: String {
        """
        \(self.info.textFormatString())
        activities: \(self.activities.sorted { $0.key < $1.key }.map { $0.value.textFormatString() })
        scheduled: \(self.activityScheduledEvents.keys.sorted())
        callbacks: \(self.callbacks.map { $0.textFormatString() })
        children: \(self.children.sorted { $0.key < $1.key }.map { $0.value.textFormatString() })
        external: \(self.externalSignals.keys.sorted()) \(self.externalCancels.keys.sorted())
        timers: \(self.timers.sorted { $0.key < $1.key }.map { $0.value.textFormatString() })
        signal requests: \(self.signalRequestIDs.sorted()) started: \(self.startedEvent.eventID)
        """
    }
}
