import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// How memory, replies and store agree on standalone activities.
enum ActivityRules {
    static func check(_ shard: ShardHarness, _ when: String) throws {
        guard shard.heldBatches.isEmpty else { return }
        for (key, run) in shard.store.runs where key.archetype == .activity {
            let stored = try StandaloneActivityState(
                RunRecord(
                    key: key, version: run.version, info: run.info, items: run.items,
                    currentRunID: nil))
            #expect(stored.key == key, "\(when), \(key)")
            #expect(stored.nextDeadline == run.nextTimerAt, "\(when), \(key)")
            if let cached = shard.cachedActivity(key) {
                #expect(cached == stored, "\(when), \(key)")
            }
            let row = try #require(shard.store.visibility[key], "\(when), \(key) is not listed")
            #expect(row.status == Int32(stored.info.status.rawValue), "\(when), \(key)")
            #expect((row.closeAt == nil) == stored.isRunning, "\(when), \(key)")
            #expect(row.division == NamespaceDivision.activities)
            #expect(stored.isRunning != stored.info.hasOutcome, "\(when), \(key)")
            #expect(!stored.isRunning || stored.info.activity.attempt >= 1)
            #expect(
                !stored.isRunning || shard.store.currentRuns[key.address] == key.runID,
                "\(when), \(key) is open but not current")
        }
        for key in shard.store.history.keys { #expect(key.archetype == .workflow) }
    }

    /// Nobody is told of a run that was never stored, or of a state it has not reached.
    static func check(_ reply: StandaloneActivityReply, _ store: ShardTable) {
        let runID: String
        switch reply {
        case .started(let response): runID = response.runID
        case .described(let response): runID = response.runID
        case .polled(let response): runID = response.runID
        }
        guard !runID.isEmpty else { return }
        let key = store.known.first { $0.archetype == .activity && $0.runID.rawValue == runID }
        #expect(key != nil, "a caller was told of \(runID), which is not stored")
        guard let key, let run = store.runs[key],
            let info = try? StoredStandaloneActivity(serializedBytes: run.info)
        else { return }
        switch reply {
        case .started: break
        case .described(let response):
            #expect(response.info.stateTransitionCount <= info.stateTransitionCount)
        case .polled(let response): #expect(response.outcome == info.outcome)
        }
    }
}
