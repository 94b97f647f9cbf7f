import DynamicConfig
import HistoryCore
import Logging
import Persistence
import Primitives
import ServiceClients

/// The history service of one node: its shards, and the way to each of them.
package final class HistoryHost: HistoryClient {
    private let shards: [ShardHost]

    /// Makes the shards; their number is fixed for the life of a cluster.
    ///
    /// `executor` says where each shard runs; many may share one.
    package init(
        environment: HostEnvironment, settings: Settings, shardCount: Int32,
        store: any ShardStore, matching: any MatchingClient, callbacks: any CallbackSender,
        namespaces: any NamespaceDirectory,
        executor: @Sendable (ShardID) -> any SerialExecutor, logger: Logger
    ) {
        self.shards = (1...max(shardCount, 1)).map { number in
            let id = ShardID(number)
            let machine = HistoryShard(
                id: id, settings: settings, seed: environment.random.seed())
            return ShardHost(
                machine: machine,
                ports: .init(
                    clock: environment.clock, owner: environment.owner, store: store,
                    matching: matching, callbacks: callbacks, namespaces: namespaces,
                    executor: executor(id),
                    logger: logger))
        }
    }

    /// Acquires every shard; returns once all of them serve.
    package func start() async throws {
        await withDiscardingTaskGroup { group in
            for shard in self.shards { group.addTask { await shard.start(reaching: self) } }
        }
    }

    /// Lets commits finish, then refuses everything.
    package func shutdown() async {
        await withDiscardingTaskGroup { group in
            for shard in self.shards { group.addTask { await shard.shutdown() } }
        }
    }

    package func send(_ request: HistoryRequest) async throws(ServiceError) -> HistoryReply {
        let id = request.address.shard(of: Int32(self.shards.count))
        return try await self.shards[Int(id.rawValue) - 1].send(request)
    }

    /// Figures of all shards, by shard.
    package func counters() async -> [HistoryShard.Counters] {
        var counters: [HistoryShard.Counters] = []
        for shard in self.shards { counters.append(await shard.counters) }
        return counters
    }

    /// Counts of all shards together since the start, by name: state transitions, the commits that
    /// carried them, those that only tidied up, and runs that had to be loaded.
    package func traffic() async -> [String: Int] {
        let shards = await self.counters()
        return [
            "transitions": shards.reduce(0) { $0 + $1.transitions },
            "transition_commits": shards.reduce(0) { $0 + $1.transitionCommits },
            "maintenance_commits": shards.reduce(0) { $0 + $1.maintenanceCommits },
            "run_loads": shards.reduce(0) { $0 + $1.runLoads },
        ]
    }
}
