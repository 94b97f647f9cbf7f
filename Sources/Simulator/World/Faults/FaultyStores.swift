import Persistence
import Primitives
import SimulationKernel

/// The stores of one node, with latency and with what goes wrong between a node and its database.
///
/// What is behind it survives the node.
package struct FaultyStores: Stores {
    private let stores: any Stores
    private let clock: SimulatedClock
    private let plan: FaultPlan
    private let checker: StateChecker

    init(_ stores: any Stores, clock: SimulatedClock, plan: FaultPlan, checker: StateChecker) {
        self.stores = stores
        self.checker = checker
        self.clock = clock
        self.plan = plan
    }

    package var counters: StoreCounters { self.stores.counters }

    private func read<Value>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        await self.clock.pass(self.plan.storeLatency())
        guard !self.plan.strikes(.storeUnavailable) else {
            throw .unavailable("the simulated store refused to read")
        }
        return try await body()
    }

    private func write<Value>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        await self.clock.pass(self.plan.storeLatency())
        guard !self.plan.strikes(.storeUnavailable) else {
            throw .unavailable("the simulated store refused to write")
        }
        guard !self.plan.strikes(.storeOutcomeUnknownNotDone) else {
            throw .unknownOutcome("the simulated store fell silent")
        }
        let value = try await body()
        await self.clock.pass(self.plan.storeLatency())
        guard !self.plan.strikes(.storeOutcomeUnknownButDone) else {
            throw .unknownOutcome("the simulated store fell silent")
        }
        return value
    }
}

extension FaultyStores: ShardStore {
    package func acquireShard(
        _ shard: ShardID, owner: String
    ) async throws(StoreError) -> RangeID {
        try await self.write { () async throws(StoreError) in
            try await self.stores.acquireShard(shard, owner: owner)
        }
    }

    package func commit(
        _ batch: ShardBatch, shard: ShardID, range: RangeID
    ) async throws(StoreError) {
        try await self.write { () async throws(StoreError) in
            let bug = self.plan.plantedBugThatStrikes()
            guard let batch = bug == nil ? batch : bug?.tampered(batch) else { return }
            try await self.stores.commit(batch, shard: shard, range: range)
            await self.checker.committed(batch, shard)
        }
    }

    package func loadRun(
        _ address: WorkflowAddress, runID: RunID?, shard: ShardID
    ) async throws(StoreError) -> RunRecord? {
        try await self.read { () async throws(StoreError) in
            try await self.stores.loadRun(address, runID: runID, shard: shard)
        }
    }

    package func readHistory(
        _ run: WorkflowKey, events: Range<Int64>, eventsMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryNode] {
        try await self.read { () async throws(StoreError) in
            try await self.stores.readHistory(
                run, events: events, eventsMax: eventsMax, shard: shard)
        }
    }

    package func readTasks(
        after: Int64, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [HistoryTaskRow] {
        try await self.read { () async throws(StoreError) in
            try await self.stores.readTasks(after: after, countMax: countMax, shard: shard)
        }
    }

    package func readTimers(
        after: TimerRow?, countMax: Int, shard: ShardID
    ) async throws(StoreError) -> [TimerRow] {
        try await self.read { () async throws(StoreError) in
            try await self.stores.readTimers(after: after, countMax: countMax, shard: shard)
        }
    }
}

extension FaultyStores: TaskQueueStore {
    package func acquireTaskQueue(
        _ queue: TaskQueueKey, owner: String
    ) async throws(StoreError) -> TaskQueueLease {
        try await self.write { () async throws(StoreError) in
            try await self.stores.acquireTaskQueue(queue, owner: owner)
        }
    }

    package func appendBacklog(
        _ rows: [BacklogRow], to queue: TaskQueueKey, range: RangeID
    ) async throws(StoreError) {
        try await self.write { () async throws(StoreError) in
            guard self.plan.plantedBugThatStrikes() != .backlogForgotten else { return }
            try await self.stores.appendBacklog(rows, to: queue, range: range)
        }
    }

    package func readBacklog(
        _ queue: TaskQueueKey, after: Int64, countMax: Int
    ) async throws(StoreError) -> [BacklogRow] {
        try await self.read { () async throws(StoreError) in
            try await self.stores.readBacklog(queue, after: after, countMax: countMax)
        }
    }

    package func completeBacklog(
        _ queue: TaskQueueKey, through ackLevel: Int64, range: RangeID
    ) async throws(StoreError) {
        try await self.write { () async throws(StoreError) in
            try await self.stores.completeBacklog(queue, through: ackLevel, range: range)
        }
    }
}

extension FaultyStores: NamespaceStore, ClusterStore {
    package func createNamespace(_ row: NamespaceRow) async throws(StoreError) {
        try await self.write { () async throws(StoreError) in
            try await self.stores.createNamespace(row)
        }
    }

    package func updateNamespace(_ row: NamespaceRow) async throws(StoreError) {
        try await self.write { () async throws(StoreError) in
            guard self.plan.plantedBugThatStrikes() != .namespaceForgotten else { return }
            try await self.stores.updateNamespace(row)
        }
    }

    package func namespace(named name: String) async throws(StoreError) -> NamespaceRow? {
        try await self.read { () async throws(StoreError) in
            try await self.stores.namespace(named: name)
        }
    }

    package func namespace(id: NamespaceID) async throws(StoreError) -> NamespaceRow? {
        try await self.read { () async throws(StoreError) in
            try await self.stores.namespace(id: id)
        }
    }

    package func listNamespaces(
        after name: String?, countMax: Int
    ) async throws(StoreError) -> [NamespaceRow] {
        try await self.read { () async throws(StoreError) in
            try await self.stores.listNamespaces(after: name, countMax: countMax)
        }
    }

    package func initializeCluster(
        _ proposed: ClusterRecord
    ) async throws(StoreError) -> ClusterRecord {
        try await self.write { () async throws(StoreError) in
            try await self.stores.initializeCluster(proposed)
        }
    }
}

extension FaultyStores: VisibilityStore {
    package func listRuns(
        _ query: VisibilityQuery
    ) async throws(StoreError) -> [VisibilityRecord] {
        try await self.read { () async throws(StoreError) in
            try await self.stores.listRuns(query)
        }
    }

    package func countRuns(
        _ query: VisibilityQuery
    ) async throws(StoreError) -> VisibilityCount {
        try await self.read { () async throws(StoreError) in
            try await self.stores.countRuns(query)
        }
    }
}
