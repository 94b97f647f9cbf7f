import DynamicConfig
import Primitives

/// The tunables of a run's node, drawn from the seed: the defaults, or ones that are soon reached.
struct NodeSettings: Sendable {
    let shardCount: Int32
    var settings: Settings

    init(using random: inout SeededGenerator) {
        var settings = Settings()
        func isTight() -> Bool { Int.random(in: 0..<4, using: &random) == 0 }
        if isTight() { settings.shardCacheSizeMax = 1 }
        if isTight() { settings.shardTimersMax = Int.random(in: 1...4, using: &random) }
        if isTight() { settings.backlogWindowMax = Int.random(in: 1...4, using: &random) }
        if isTight() { settings.backlogBatchMax = 1 }
        if isTight() { settings.taskQueueIdleMax = .seconds(5) }
        if isTight() { settings.matchingLongPollExpiration = .seconds(5) }
        if isTight() { settings.historyLongPollExpiration = .seconds(2) }
        if isTight() { settings.historyPageSizeMax = 3 }
        if isTight() { settings.enableActivityEagerExecution = false }
        settings.enableWorkflowPause = true
        settings.callbackAddresses.everywhere = [
            .init(pattern: CallbackReceiver.host, allowsInsecure: true)
        ]
        self.shardCount = [1, 2, 4, 16].randomElement(using: &random) ?? 4
        self.settings = settings
    }
}
