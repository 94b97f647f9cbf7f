import Primitives
import ServiceClients

extension TaskQueuePartition {
    /// Does what its time has come for.
    mutating func serveWaits(_ now: Timestamp, _ effects: inout [Effect]) {
        while let wait = self.waits.popDue(now) {
            switch wait {
            case .lease:
                if self.lease == .backingOff { self.lease = .none }
            case .poll(let call): self.pollExpired(call, now, &effects)
            case .query(let call): self.queryExpired(call, &effects)
            case .queryPoller(let call): self.queryPollerChecked(call, now, &effects)
            case .backlogExpiry(let id): self.backlogExpired(id)
            case .backlogRetry(let id): self.backlogDelayEnded(id)
            case .completion: self.completion = .due
            case .idle: self.isIdleDue = true
            case .read, .rateLimit: break
            }
        }
    }

    /// Gives the memory back when nothing has happened for long and nothing is to be done.
    mutating func unloadIfIdle(_ now: Timestamp, _ effects: inout [Effect]) {
        guard self.isIdleDue else { return }
        self.isIdleDue = false
        let idleAt = self.lastUsedAt + self.limits.idleMax
        if self.isBusy {
            self.waits.set(.idle, at: now + self.limits.idleMax)
        } else if idleAt > now {
            self.waits.set(.idle, at: idleAt)
        } else {
            self.isStopped = true
            effects.append(.unload)
        }
    }

    /// Whether somebody waits, or something is under way.
    ///
    /// Waiting polls and queries, delayed tasks and tasks that will expire all have an entry in
    /// `waits`.
    private var isBusy: Bool {
        self.waits.next != nil || !self.polls.isEmpty || !self.starts.isEmpty
            || !self.arrivals.isEmpty || !self.spilled.isEmpty || !self.appending.isEmpty
            || self.queries.count > 0 || !self.describers.isEmpty
            || self.lease == .acquiring || self.backlog.readState == .reading
            || self.completion != .resting
    }

    // MARK: Description

    mutating func descriptionAsked(
        _ call: CallID, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        if self.describers.count < self.limits.queriesMax {
            self.describers.append(call)
        } else {
            effects.append(.replyDescription(call, self.description(now)))
        }
    }

    /// Answers those who asked, once it is known what the store holds or that it cannot be known.
    mutating func answerDescribers(_ now: Timestamp, _ effects: inout [Effect]) {
        guard !self.describers.isEmpty else { return }
        if !self.isStopped {
            switch self.lease {
            case .none, .acquiring: return
            case .held:
                if self.backlog.readState == .reading, self.backlog.windowCount == 0 { return }
            case .backingOff: break
            }
        }
        let description = self.description(now)
        for call in self.describers { effects.append(.replyDescription(call, description)) }
        self.describers.removeAll()
    }

    private func description(_ now: Timestamp) -> TaskQueueDescription {
        TaskQueueDescription(
            pollers: self.pollers.pollers(now), backlogCount: self.backlog.count,
            readLevel: self.backlog.readLevel, ackLevel: self.backlog.ackLevel)
    }
}
