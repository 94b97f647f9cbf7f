import HistoryCore
import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ShardPropertyTests {
    @Test(
        "Whatever happens, histories are well formed and memory is what is stored",
        arguments: trials(100))
    func invariants(seed: UInt64) throws {
        var use = RandomShardUse(seed: seed)
        for step in 0..<200 {
            use.step()
            try HistoryRules.check(use.shard, "step \(step)")
        }
        try use.drain()
        try HistoryRules.check(use.shard, "the end")
        for (key, run) in use.shard.store.runs {
            let info = try StoredExecutionInfo(serializedBytes: run.info)
            let history = try use.shard.history(key.runID, key.workflowID)
            #expect(info.status != .running, "\(key) is stuck: \(history)")
        }
        #expect(use.shard.store.tasks.isEmpty, "tasks that never end")
        #expect(use.shard.counters.cachedBytes >= 0)
    }
}
