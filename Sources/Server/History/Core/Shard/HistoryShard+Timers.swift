import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Sets when a run needs attention; beyond the horizon the store alone remembers it.
    mutating func setTimer(_ key: WorkflowKey, to deadline: Timestamp?) {
        // While a page is being read it is not known what it holds, so nothing is left to it.
        if let horizon = self.timerHorizon, let deadline, !self.isLoadingTimers,
            horizon < TimerRow(at: deadline, key: key)
        {
            self.timers.set(key, to: nil)
            return
        }
        self.timers.set(key, to: deadline)
        // Twice the limit before trimming, so that trimming is rare.
        guard !self.isLoadingTimers, self.timers.count > 2 * self.settings.shardTimersMax else {
            return
        }
        if let last = self.timers.keepEarliest(self.settings.shardTimersMax) {
            let cut = TimerRow(at: last.at, key: last.key)
            self.timerHorizon = min(self.timerHorizon ?? cut, cut)
        }
    }

    mutating func timersLoaded(
        _ result: Result<[TimerRow], StoreError>, _ effects: inout [Effect]
    ) {
        guard self.isLoadingTimers else { return }
        switch result {
        case .failure(let error):
            self.reload(because: "timers cannot be read: \(error)", &effects)
            return
        case .success(let rows):
            self.isLoadingTimers = false
            self.take(rows)
        }
        if case .recovering(let tasks, true) = self.phase {
            self.phase = .recovering(tasks: tasks, timers: false)
            self.serveIfRecovered(&effects)
        } else {
            self.fireTimers(&effects)
        }
    }

    private mutating func take(_ rows: [TimerRow]) {
        let isComplete = rows.count < self.settings.shardTimersMax
        let horizon = isComplete ? nil : rows.last
        for row in rows {
            // Memory is newer than the page for runs that changed since it was asked for.
            if self.holds(row.key) {
                self.timers.set(row.key, to: self.nextDeadline(of: row.key))
            } else {
                // One that was set meanwhile may be of a later state; too early does no harm.
                let known = self.timers.deadlines[row.key] ?? row.at
                self.timers.set(row.key, to: min(known, row.at))
            }
        }
        self.timerHorizon = horizon
        // What is not durable yet was not on the page, but is in memory.
        for key in Array(self.runs.keys) + Array(self.activities.keys) {
            guard let deadline = self.nextDeadline(of: key) else { continue }
            let row = TimerRow(at: deadline, key: key)
            if horizon.map({ row <= $0 }) ?? true { self.timers.set(row.key, to: deadline) }
        }
    }

    mutating func fireTimers(_ effects: inout [Effect]) {
        guard self.phase == .serving else { return }
        if let horizon = self.timerHorizon, horizon.at <= self.now, !self.isLoadingTimers {
            self.isLoadingTimers = true
            self.count { $0.timerLoads += 1 }
            effects.append(.loadTimers(after: horizon, countMax: self.settings.shardTimersMax))
        }
        while self.mayFireTimers, let key = self.timers.popDue(at: self.now) {
            if self.holds(key) {
                self.fire(key, &effects)
            } else {
                self.timerLoads += 1
                self.load(key.address, key.runID, then: .timer(key), &effects)
            }
        }
    }

    /// Whether there is room for more of what is due; a load or a commit that ends makes some.
    var mayFireTimers: Bool {
        self.timerLoads < self.settings.shardTimerLoadsMax
            && self.open.batch.deletedRuns.count < self.settings.deletedRunsPerCommitMax
    }

    /// Does everything that is due in a run, as one transition.
    mutating func fire(_ key: WorkflowKey, _ effects: inout [Effect]) {
        guard key.archetype == .workflow else { return self.fireActivity(key, &effects) }
        guard let run = self.runs[key] else { return }
        let due = run.state.due(at: self.now)
        guard !due.isEmpty else {
            self.setTimer(key, to: run.state.nextDeadline)
            return
        }
        if due.contains(.retention) {
            guard !self.isNeeded(key) else {
                return self.setTimer(key, to: self.now + .seconds(60))
            }
            self.delete(key)
            return
        }
        var transition = self.transition(of: run)
        for deadline in due { transition.meet(deadline) }
        self.accept(transition, &effects)
    }
}

extension Transition {
    /// Does what a deadline that has passed asks for.
    mutating func meet(_ deadline: RunDeadline) {
        // An earlier deadline of the same moment may have made this one void.
        guard self.state.due(at: self.now).contains(deadline) else { return }
        switch deadline {
        case .userTimer(let timerID): self.fireTimer(timerID)
        case .activity(let id, .retry): self.resumeActivity(id)
        case .activity(let id, let kind): self.timeOutActivity(id, kind)
        case .workflowTaskTimeout(let type): self.timeOutWorkflowTask(type)
        case .firstTaskBackoff:
            self.state.info.firstTaskBackoffUntil = 0
            self.needsWorkflowTask = true
        case .runTimeout: self.timeOutRun(isExecutionTimeout: self.isExecutionExpired)
        case .executionTimeout: self.timeOutRun(isExecutionTimeout: true)
        case .callback(let number): self.retryCallback(number)
        case .retention: break
        }
    }

    private var isExecutionExpired: Bool {
        let expiration = self.state.info.executionExpirationAt
        return expiration != 0 && expiration <= self.now.nanoseconds
    }
}
