import Persistence
import Primitives
import SimulationKernel

/// Remembers closed runs, to see that each is kept as long as its namespace says and no longer.
// Safe because a simulation has one thread.
package final class RetentionChecker: @unchecked Sendable {
    struct Run {
        let archetype: Archetype
        /// Of the workflow, or of the activity that has none.
        let workflowID: String
        let runID: String
        let closedAt: Timestamp
    }

    private(set) var runs: [Run] = []

    /// A run that is closed and was not deleted.
    func closed(
        _ workflowID: String, _ runID: String, of archetype: Archetype = .workflow,
        at time: Timestamp
    ) {
        self.runs.append(
            Run(archetype: archetype, workflowID: workflowID, runID: runID, closedAt: time))
    }
}

extension SimulatedWorld {
    /// Waits until nothing may be left of any run, and looks at the database by itself.
    package func outliveRetention() async {
        self.stopWorker()
        guard let namespace = try? await self.stores.namespace(named: Self.namespace) else {
            return self.fail("the namespace is gone")
        }
        let times = self.closedRuns.runs.map(\.closedAt)
        // Without a closed run, what was deleted must have left nothing either.
        let first = times.min() ?? self.loop.now, last = times.max() ?? self.loop.now
        let early = first + (Self.retention - .seconds(1))
        await self.clock.pass(max(early - self.loop.now, .zero))
        for run in self.closedRuns.runs where run.closedAt + Self.retention > self.loop.now {
            if await !self.isStored(run, namespace.id) {
                self.fail("\(run.workflowID), run \(run.runID), is gone before its time")
            }
        }
        let late = last + Self.retention + .seconds(300)
        await self.clock.pass(max(late - self.loop.now, .zero))
        for run in self.closedRuns.runs
        where await self.isStored(run, namespace.id) {
            self.fail("\(run.workflowID), run \(run.runID), is kept for too long")
        }
        await self.expectNothingStored(namespace.id)
    }

    private func isStored(
        _ run: RetentionChecker.Run, _ namespaceID: NamespaceID
    ) async -> Bool {
        let address = WorkflowAddress(
            archetype: run.archetype, namespaceID: namespaceID,
            workflowID: WorkflowID(run.workflowID))
        let key = WorkflowKey(address, RunID(run.runID))
        let shard = address.shard(of: self.settings.shardCount)
        let record = try? await self.stores.loadRun(address, runID: key.runID, shard: shard)
        let history = try? await self.stores.readHistory(
            key, events: 1..<2, eventsMax: 1, shard: shard)
        // Activities without a workflow have no history.
        if run.archetype == .workflow, (record == nil) != (history?.isEmpty ?? true) {
            self.fail("\(run.workflowID), run \(run.runID), is stored in part")
        }
        return record != nil
    }

    /// No timer, task or list entry outlives the runs.
    private func expectNothingStored(_ namespaceID: NamespaceID) async {
        for number in 1...self.settings.shardCount {
            let shard = ShardID(number)
            let timers = try? await self.stores.readTimers(after: nil, countMax: 1, shard: shard)
            let tasks = try? await self.stores.readTasks(after: 0, countMax: 1, shard: shard)
            if timers?.isEmpty != true || tasks?.isEmpty != true {
                self.fail("shard \(number) still holds timers or tasks when all runs are gone")
            }
        }
        let query = VisibilityQuery(namespaceID: namespaceID, filter: .all)
        let count = try? await self.stores.countRuns(query)
        if count?.total != 0 { self.fail("runs are listed that are gone") }
    }
}
