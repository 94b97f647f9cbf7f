import Persistence
import Primitives
import ServiceClients

extension TaskQueuePartition {
    // MARK: Lease

    mutating func acquireLeaseIfNeeded(_ effects: inout [Effect]) {
        let isNeeded: Bool
        switch self.lease {
        case .none:
            isNeeded =
                !self.polls.isEmpty || !self.arrivals.isEmpty || !self.spilled.isEmpty
                || !self.describers.isEmpty
        case .held(let block):
            // Renewing: what is in memory stays, if nobody had the lease in between. A write that
            // is under way must not meet the new range.
            isNeeded =
                block.remaining == 0 && !(self.arrivals.isEmpty && self.spilled.isEmpty)
                && !self.isWriting
        case .acquiring, .backingOff:
            isNeeded = false
        }
        guard isNeeded else { return }
        self.lease = .acquiring
        effects.append(.acquireLease)
    }

    private var isWriting: Bool {
        if case .writing = self.completion { return true }
        return !self.appending.isEmpty
    }

    mutating func leaseAcquired(_ acquired: TaskQueueLease) {
        guard !self.isStopped else { return }
        invariant(self.lease == .acquiring, "a lease nobody asked for")
        self.leaseBackoff.succeeded()
        self.lease = .held(TaskIDBlock(acquired.range))
        let isSuccessor = self.leasedRange.map { $0.rawValue + 1 == acquired.range.rawValue }
        self.leasedRange = acquired.range
        if isSuccessor != true {
            self.dropMemory(to: acquired.ackLevel, hasUnread: acquired.hasBacklog)
        }
    }

    mutating func leaseFailed(_ now: Timestamp, _ effects: inout [Effect]) {
        guard !self.isStopped else { return }
        invariant(self.lease == .acquiring, "a lease nobody asked for")
        self.lease = .backingOff
        self.waits.set(.lease, at: now + self.leaseBackoff.failed())
        self.failArrivals(.backlogUnavailable, &effects)
    }

    /// Somebody else has the queue, or a write's outcome is unknown: what memory says is void.
    private mutating func leaseLost(_ now: Timestamp) {
        switch self.lease {
        case .held:
            self.lease = .backingOff
            self.waits.set(.lease, at: now + self.leaseBackoff.failed())
        case .none, .acquiring, .backingOff:
            break
        }
        self.leasedRange = nil
        self.dropMemory(to: 0, hasUnread: false)
    }

    private mutating func dropMemory(to ackLevel: Int64, hasUnread: Bool) {
        for id in self.backlog.reset(to: ackLevel, hasUnread: hasUnread) {
            self.waits.remove(.backlogExpiry(id))
            self.waits.remove(.backlogRetry(id))
        }
        self.waits.remove(.read)
        self.waits.remove(.completion)
        switch self.completion {
        case .waiting, .backingOff, .due: self.completion = .resting
        case .resting, .writing: break
        }
    }

    // MARK: Writing

    /// Writes what no poll took; what comes meanwhile goes into the next write.
    mutating func appendArrivals(_ effects: inout [Effect]) {
        guard case .held(var block) = self.lease, self.appending.isEmpty else { return }
        let countMax = min(self.limits.backlogBatchMax, block.remaining)
        var rows: [BacklogRow] = []
        while rows.count < countMax,
            let arrival = self.spilled.popFirst()?.value ?? self.arrivals.popFirst()?.value
        {
            let id = block.take()
            self.appending.append((id, arrival))
            rows.append(BacklogRow(id: id, task: arrival.task.row))
        }
        guard !rows.isEmpty else { return }
        self.lease = .held(block)
        self.appendGeneration = self.backlog.generation
        effects.append(.appendBacklog(rows, block.range))
    }

    mutating func backlogAppended(_ now: Timestamp, _ effects: inout [Effect]) {
        let written = self.takeAppending()
        for (_, arrival) in written { effects.append(.replyAdd(arrival.add, nil)) }
        // After a loss, the rows are found by the read that follows the next lease.
        guard self.appendGeneration == self.backlog.generation else { return }
        let entries = written.map { id, arrival in
            Backlog.Entry(
                id: id, task: arrival.task, failedStarts: arrival.failedStarts,
                startRequestID: arrival.startRequestID)
        }
        for entry in self.backlog.appended(entries) { self.enter(entry, now) }
    }

    mutating func backlogAppendFailed(
        _ error: StoreError, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        for (_, arrival) in self.takeAppending() {
            effects.append(.replyAdd(arrival.add, .backlogUnavailable))
        }
        switch error {
        case .ownershipLost, .conditionFailed, .unknownOutcome:
            if self.appendGeneration == self.backlog.generation { self.leaseLost(now) }
        case .unavailable, .corrupt:
            break
        }
    }

    private mutating func takeAppending() -> [(id: Int64, arrival: Arrival)] {
        defer { self.appending.removeAll() }
        return self.appending
    }

    /// Tells those who wait for their task to be safe that it is not.
    mutating func failArrivals(_ error: ServiceError, _ effects: inout [Effect]) {
        for (_, arrival) in self.spilled.removeAll() {
            effects.append(.replyAdd(arrival.add, error))
        }
        for (_, arrival) in self.arrivals.removeAll() {
            effects.append(.replyAdd(arrival.add, error))
        }
    }

    // MARK: Reading

    mutating func readBacklogIfNeeded(_ effects: inout [Effect]) {
        guard case .held = self.lease, self.waits.time(of: .read) == nil else { return }
        let countMax = self.backlog.readCountMax
        guard countMax > 0 else { return }
        self.backlog.startReading()
        effects.append(
            .readBacklog(
                after: self.backlog.readLevel, countMax: countMax,
                generation: self.backlog.generation))
    }

    mutating func backlogRead(
        _ generation: Int, _ rows: [BacklogRow], _ isLast: Bool, _ now: Timestamp,
        _ effects: inout [Effect]
    ) {
        guard generation == self.backlog.generation, !self.isStopped else { return }
        self.readBackoff.succeeded()
        var level = self.backlog.readLevel
        let fresh = rows.filter { row in
            defer { level = max(level, row.id) }
            return row.id > level
        }
        self.backlog.read(ids: fresh.map(\.id), isLast: isLast || fresh.isEmpty)
        for row in fresh {
            if let task = MatchingTask(row: row.task) {
                self.enter(Backlog.Entry(id: row.id, task: task), now)
            } else {
                self.backlog.complete(row.id)
                effects.append(.reportUnreadableRow(id: row.id))
            }
        }
    }

    mutating func backlogReadFailed(_ generation: Int, _ now: Timestamp) {
        guard generation == self.backlog.generation, !self.isStopped else { return }
        self.backlog.readFailed()
        self.waits.set(.read, at: now + self.readBackoff.failed())
    }

    /// A durable task comes into memory.
    private mutating func enter(_ entry: Backlog.Entry, _ now: Timestamp) {
        if entry.task.isExpired(now) {
            self.backlog.complete(entry.id)
        } else if entry.failedStarts > 0 {
            self.delay(entry, now)
        } else {
            self.wait(entry)
        }
    }

    /// Lets a durable task wait for a poll, or for its expiry.
    private mutating func wait(_ entry: Backlog.Entry) {
        self.backlog.insert(entry)
        if let expiresAt = entry.task.expiresAt {
            self.waits.set(.backlogExpiry(entry.id), at: expiresAt)
        }
    }

    mutating func backlogDelayEnded(_ id: Int64) {
        guard let entry = self.backlog.removeDelayed(id) else { return }
        self.wait(entry)
    }

    mutating func backlogExpired(_ id: Int64) {
        if self.backlog.remove(id) != nil { self.backlog.complete(id) }
    }

    // MARK: Forgetting what is done

    /// Tells the store how far the backlog is done: at once after much progress, else soon.
    mutating func completeBacklogIfNeeded(_ now: Timestamp, _ effects: inout [Effect]) {
        guard case .held(let block) = self.lease,
            self.backlog.ackLevel > self.backlog.completedLevel
        else {
            if self.completion == .due { self.completion = .resting }
            return
        }
        let isMuch = self.backlog.doneCount >= self.limits.backlogBatchMax
        switch self.completion {
        case .writing, .backingOff: return
        case .resting, .waiting: guard isMuch else { return self.completeSoon(now) }
        case .due: break
        }
        self.completion = .writing(generation: self.backlog.generation)
        self.waits.remove(.completion)
        self.backlog.startCompleting()
        effects.append(.completeBacklog(through: self.backlog.ackLevel, block.range))
    }

    private mutating func completeSoon(_ now: Timestamp) {
        guard self.completion == .resting else { return }
        self.completion = .waiting
        self.waits.set(.completion, at: now + .seconds(1))
    }

    mutating func backlogCompleted(through level: Int64) {
        self.completion = .resting
        self.completeBackoff.succeeded()
        self.backlog.completed(through: level)
    }

    mutating func backlogCompleteFailed(_ error: StoreError, _ now: Timestamp) {
        guard case .writing(let generation) = self.completion else {
            invariantFailure("a backlog is completed while \(self.completion)")
        }
        self.completion = .resting
        guard !self.isStopped else { return }
        switch error {
        case .ownershipLost, .conditionFailed:
            if generation == self.backlog.generation { self.leaseLost(now) }
        case .unavailable, .corrupt, .unknownOutcome:
            // Forgetting rows twice does no harm.
            self.completion = .backingOff
            self.waits.set(.completion, at: now + self.completeBackoff.failed())
        }
    }
}
