import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// The run a request means, if it is in memory; marks it as used.
    mutating func cached(_ address: WorkflowAddress, _ runID: RunID) -> CachedRun? {
        guard let resolved = runID.isEmpty ? self.currentRuns[address] : runID else { return nil }
        let key = WorkflowKey(address, resolved)
        guard var run = self.runs[key] else { return nil }
        self.useCounter += 1
        run.lastUse = self.useCounter
        self.runs[key] = run
        return run
    }

    mutating func store(_ run: CachedRun) {
        var run = run
        let key = run.state.key
        self.useCounter += 1
        run.lastUse = self.useCounter
        self.cachedBytes += run.bytes - (self.runs[key]?.bytes ?? 0)
        self.runs[key] = run
        self.countCache()
    }

    mutating func countCache() {
        let (runs, bytes) = (self.runs.count + self.activities.count, self.cachedBytes)
        self.count {
            $0.cachedRuns = runs
            $0.cachedBytes = bytes
        }
    }

    mutating func drop(_ key: WorkflowKey) {
        let bytes =
            switch key.archetype {
            case .workflow: self.runs.removeValue(forKey: key)?.bytes
            case .activity: self.activities.removeValue(forKey: key)?.bytes
            }
        guard let bytes else { return }
        self.cachedBytes -= bytes
        if self.currentRuns[key.address] == key.runID { self.currentRuns[key.address] = nil }
        self.countCache()
    }

    /// Drops the runs that were not used for longest until the rest fits.
    ///
    /// Runs that are not durable yet, or on which callers wait, stay; so do those of a workflow of
    /// which something is being read, lest two reads push each other out for ever.
    mutating func evict() {
        let bytesMax = self.settings.shardCacheSizeMax
        guard self.cachedBytes > bytesMax else { return }
        var candidates: [(key: WorkflowKey, lastUse: UInt64)] = []
        for (key, run) in self.runs
        where run.lastBatch <= self.durable && !run.isAwaited && self.loads[key.address] == nil {
            candidates.append((key, run.lastUse))
        }
        for (key, activity) in self.activities
        where activity.lastBatch <= self.durable && !activity.isAwaited
            && self.loads[key.address] == nil
        {
            candidates.append((key, activity.lastUse))
        }
        candidates.sort { $0.lastUse < $1.lastUse }
        // Well below the limit, so that not every commit has to look for candidates.
        for (key, _) in candidates where self.cachedBytes > bytesMax / 4 * 3 { self.drop(key) }
    }

    /// Removes a run whose retention is over; its row may still be read until that is durable.
    mutating func delete(_ key: WorkflowKey) {
        let isCurrent = self.currentRuns[key.address] == key.runID
        self.open.delete(key)
        self.open.transitions += 1
        self.count { $0.transitions += 1 }
        self.timers.set(key, to: nil)
        self.drop(key)
        self.deletedRuns[key] = DeletedRun(batch: self.open.id, isCurrent: isCurrent)
    }

    /// The run that is current by the store's rows when the open batch is applied, if it is only
    /// deleted at the end of that same batch.
    func deletedCurrentRun(of address: WorkflowAddress) -> RunID? {
        self.deletedRuns.first {
            $0.key.address == address && $0.value.isCurrent && $0.value.batch == self.open.id
        }?.key.runID
    }

    /// Forgets deletions that no read can contradict any more.
    mutating func forgetDeletedRuns() {
        guard !self.deletedRuns.isEmpty else { return }
        self.deletedRuns = self.deletedRuns.filter {
            $0.value.batch > self.durable || self.loads[$0.key.address] != nil
        }
    }

    // MARK: Runs of any kind

    /// Whether a run is in memory.
    func holds(_ key: WorkflowKey) -> Bool {
        switch key.archetype {
        case .workflow: self.runs[key] != nil
        case .activity: self.activities[key] != nil
        }
    }

    /// When a run in memory next needs attention.
    func nextDeadline(of key: WorkflowKey) -> Timestamp? {
        switch key.archetype {
        case .workflow: self.runs[key]?.state.nextDeadline
        case .activity: self.activities[key]?.state.nextDeadline
        }
    }

    /// The newest batch that holds a run in memory.
    func lastBatch(of key: WorkflowKey) -> BatchID? {
        switch key.archetype {
        case .workflow: self.runs[key]?.lastBatch ?? self.deletedRuns[key]?.batch
        case .activity: self.activities[key]?.lastBatch ?? self.deletedRuns[key]?.batch
        }
    }

    // MARK: Loading

    mutating func load(
        _ address: WorkflowAddress, _ runID: RunID?, then waiting: Waiting,
        _ effects: inout [Effect]
    ) {
        if self.loads[address] != nil {
            self.loads[address]?.waiting.append(waiting)
            return
        }
        self.loads[address] = Load(runID: runID, waiting: [waiting])
        self.count { $0.runLoads += 1 }
        effects.append(.loadRun(address, runID))
    }

    mutating func runLoaded(
        _ address: WorkflowAddress, _ runID: RunID?, _ result: Result<RunRecord?, StoreError>,
        _ effects: inout [Effect]
    ) {
        guard let load = self.loads.removeValue(forKey: address) else { return }
        defer { self.forgetDeletedRuns() }
        var missing: RunID??
        switch result {
        case .failure(let error):
            let refusal = ServiceError.unavailable("the workflow cannot be read now, try again")
            self.refuse(load.waiting, refusal, &effects)
            effects.append(.report(.taskUnreadable(0, "\(error)")))
            return
        case .success(nil):
            missing = .some(runID)
        case .success(let record?) where self.deletedRuns[record.key] != nil:
            missing = .some(runID)
        case .success(let record?):
            do throws(HistoryCorrupted) {
                try self.take(record)
            } catch {
                effects.append(.report(.runCorrupt(record.key, error.description)))
                let refusal = ServiceError(.dataLoss, "the workflow's stored state is corrupt")
                self.refuse(load.waiting, refusal, &effects)
                return
            }
        }
        self.resume(load.waiting, of: address, missing: missing, &effects)
        self.evict()
        self.fireTimers(&effects)
    }

    /// Goes on with what waited, in order: what comes behind one that reads more waits again.
    mutating func resume(
        _ waiting: [Waiting], of address: WorkflowAddress, missing: RunID??,
        _ effects: inout [Effect]
    ) {
        for entry in waiting {
            if self.loads[address] != nil {
                self.loads[address]?.waiting.append(entry)
            } else {
                self.resume(entry, missing: missing, &effects)
            }
        }
    }

    mutating func refuse(
        _ waiting: [Waiting], _ error: ServiceError, _ effects: inout [Effect]
    ) {
        for entry in waiting {
            switch entry {
            case .request(let id, _): self.refuse(id, error, seeing: nil, &effects)
            case .timer(let key):
                self.timerLoads -= 1
                self.timers.set(key, to: self.now + .seconds(5))
            case .task(let id), .events(let id, _), .answer(let id, _), .delivered(let id, _):
                self.retry(id)
            }
        }
    }

    private mutating func take(_ record: RunRecord) throws(HistoryCorrupted) {
        if let current = record.currentRunID, self.currentRuns[record.key.address] == nil {
            self.currentRuns[record.key.address] = current
        }
        guard record.key.archetype == .workflow else { return try self.takeActivity(record) }
        guard self.runs[record.key] == nil else { return }
        let state = try MutableState(record)
        guard state.key == record.key else {
            throw HistoryCorrupted("run \(record.key) holds the state of \(state.key)")
        }
        var run = CachedRun(state: state, version: record.version, lastBatch: self.durable)
        run.account(info: record.info, upserted: record.items, deleted: [])
        self.store(run)
    }

    private mutating func resume(
        _ waiting: Waiting, missing: RunID??, _ effects: inout [Effect]
    ) {
        switch waiting {
        case .timer(let key):
            self.timerLoads -= 1
            if self.holds(key) {
                // Without room now, it is tried again right after the next commit.
                if self.mayFireTimers {
                    self.fire(key, &effects)
                } else {
                    self.setTimer(key, to: self.nextDeadline(of: key))
                }
            } else if missing != .some(.some(key.runID)) {
                // What was loaded was another run of this workflow.
                self.timerLoads += 1
                self.load(key.address, key.runID, then: waiting, &effects)
            }
        case .task(let id):
            self.resume(id, missing: missing, &effects) { shard, effects in
                shard.begin(id, &effects)
            }
        case .events(let id, let result):
            self.resume(id, missing: missing, &effects) { shard, effects in
                shard.eventsRead(id, result, &effects)
            }
        case .answer(let id, let result):
            self.resume(id, missing: missing, &effects) { shard, effects in
                shard.requestAnswered(id, result, &effects)
            }
        case .delivered(let id, let outcome):
            self.resume(id, missing: missing, &effects) { shard, effects in
                shard.callbackAnswered(id, outcome, &effects)
            }
        case .request(let id, let request):
            guard self.live.contains(id) else { return }
            self.perform(id, request, missing: missing, &effects)
        }
    }
}
