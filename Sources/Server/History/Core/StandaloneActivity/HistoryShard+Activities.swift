import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Begins a transition of a run.
    func transition(of state: StandaloneActivityState) -> StandaloneActivityTransition {
        var state = state
        if state.isRunning, let retention = self.retentions[NamespaceID(state.info.namespaceID)] {
            state.info.retentionNs = retention.nanoseconds
        }
        return StandaloneActivityTransition(state, now: self.now)
    }

    /// Does what is asked of a standalone activity.
    mutating func performOnActivity(_ call: Call, _ effects: inout [Effect]) {
        switch call.request.operation {
        case .standaloneActivity(let operation): self.perform(operation, call, &effects)
        case .recordActivityTaskStarted(let start): self.recordStart(start, call, &effects)
        case .recordActivityHeartbeat(let activity, let details):
            self.recordActivityHeartbeat(activity, details, call, &effects)
        case .respondActivityCompleted(let activity, let result, let worker):
            self.report(activity, completes: true, call, &effects) {
                (transition) throws(ServiceError) in
                transition.complete(result: result, identity: worker.identity)
            }
        case .respondActivityFailed(let activity, let failure, let details, let worker):
            self.report(activity, call, &effects) { (transition) throws(ServiceError) in
                transition.fail(failure, heartbeat: details, identity: worker.identity)
            }
        case .respondActivityCanceled(let activity, let details, _):
            self.report(activity, call, &effects) { (transition) throws(ServiceError) in
                guard transition.state.isCancelRequested else {
                    let status = transition.state.isStarted ? "Started" : "Scheduled"
                    throw ServiceError(.failedPrecondition, "invalid transition from \(status)")
                }
                transition.cancel(details: details)
            }
        default: invariantFailure("a standalone activity is asked what workflows are asked")
        }
    }

    private mutating func perform(
        _ operation: StandaloneActivityOperation, _ call: Call, _ effects: inout [Effect]
    ) {
        switch operation {
        case .start(let body): self.startActivity(body, call, &effects)
        case .describe(let body): self.describeActivity(body, call, &effects)
        case .poll(let body): self.pollActivity(body, call, &effects)
        case .requestCancel(let body): self.requestCancelActivity(body, call, &effects)
        case .terminate(let body): self.terminateActivity(body, call, &effects)
        case .delete(let runID): self.deleteActivity(runID, call, &effects)
        }
    }

    // MARK: Memory

    /// The activity a call is about; nil if it is being loaded or the call has been refused.
    mutating func activity(
        _ runID: RunID, for call: Call, _ effects: inout [Effect]
    ) -> CachedActivity? {
        if let activity = self.cachedActivity(call.address, runID) { return activity }
        let wanted: RunID? = runID.isEmpty ? nil : runID
        guard call.missing == .some(wanted) else {
            self.load(call.address, wanted, then: .request(call.id, call.request), &effects)
            return nil
        }
        self.refuse(call.id, .activityNotFound(call.address.workflowID), seeing: nil, &effects)
        return nil
    }

    /// The activity a request means, if it is in memory; marks it as used.
    mutating func cachedActivity(
        _ address: WorkflowAddress, _ runID: RunID
    ) -> CachedActivity? {
        guard let resolved = runID.isEmpty ? self.currentRuns[address] : runID else { return nil }
        let key = WorkflowKey(address, resolved)
        guard let activity = self.activities[key] else { return nil }
        self.useCounter += 1
        self.activities[key]?.lastUse = self.useCounter
        return activity
    }

    mutating func store(_ activity: CachedActivity) {
        var activity = activity
        let key = activity.state.key
        self.useCounter += 1
        activity.lastUse = self.useCounter
        self.cachedBytes += activity.bytes - (self.activities[key]?.bytes ?? 0)
        self.activities[key] = activity
        self.countCache()
    }

    mutating func takeActivity(_ record: RunRecord) throws(HistoryCorrupted) {
        guard self.activities[record.key] == nil else { return }
        let state = try StandaloneActivityState(record)
        guard state.key == record.key else {
            throw HistoryCorrupted("activity \(record.key) holds the state of \(state.key)")
        }
        var activity = CachedActivity(
            state: state, version: record.version, lastBatch: self.durable)
        activity.storedBytes = record.items.values.reduce(record.info.count) { $0 + $1.count }
        self.store(activity)
    }

    // MARK: Transitions

    /// Accepts a transition: its state counts from now on, and is written with the open batch.
    mutating func accept(
        _ transition: StandaloneActivityTransition, _ effects: inout [Effect]
    ) {
        self.write(transition)
        self.serveWaiters(ofActivity: transition.state.key, &effects)
    }

    /// Accepts an activity that did not exist, as the current one of its id.
    mutating func acceptNew(
        _ transition: StandaloneActivityTransition, replacing previous: RunID?
    ) {
        self.write(transition)
        let key = transition.state.key
        self.makeCurrent(key, expected: previous ?? self.deletedCurrentRun(of: key.address))
    }

    private mutating func write(_ transition: StandaloneActivityTransition) {
        var transition = transition
        transition.finish()
        let state = transition.state, key = state.key
        var activity =
            self.activities[key]
            ?? CachedActivity(state: state, version: 0, lastBatch: self.open.id)
        let info = MutableState.bytes(state.info)
        var write = RunWrite(
            key: key, expectedVersion: activity.version, version: activity.version + 1,
            nextTimerAt: state.nextDeadline, info: info, upsertedItems: [:], deletedItems: [])
        if transition.isNew {
            write.upsertedItems[StandaloneActivityItem.request.key] =
                MutableState.bytes(state.request)
        }
        activity.storedBytes =
            info.count + MutableState.bytes(state.request).count
        activity.state = state
        activity.version += 1
        activity.lastBatch = self.open.id
        self.open.add(write)
        self.open.transitions += 1
        self.count { $0.transitions += 1 }
        if transition.isVisibilityChanged {
            self.open.add(state.visibilityRecord(storedBytes: activity.storedBytes))
        }
        for task in transition.tasks { self.add(task) }
        self.setTimer(key, to: write.nextTimerAt)
        self.store(activity)
    }

    // MARK: Time

    /// Does everything that is due in an activity, as one transition.
    mutating func fireActivity(_ key: WorkflowKey, _ effects: inout [Effect]) {
        guard let activity = self.activities[key] else { return }
        var transition = self.transition(of: activity.state)
        var isChanged = false
        while let due = transition.state.firstDue(at: self.now) {
            switch due {
            case .retention:
                // One that has just closed is removed when its retention is over, in its own time.
                guard isChanged else { return self.removeActivity(key, &effects) }
                return self.accept(transition, &effects)
            case .attempt(let deadline):
                transition.meet(deadline)
                isChanged = true
            }
        }
        if isChanged {
            self.accept(transition, &effects)
        } else {
            self.setTimer(key, to: activity.state.nextDeadline)
        }
    }

    /// Removes an activity with everything it has; those who wait on it are told.
    mutating func removeActivity(_ key: WorkflowKey, _ effects: inout [Effect]) {
        let waiters = self.activities[key]?.waiters ?? []
        self.activities[key]?.waiters = []
        for waiter in waiters {
            self.forgetWait(waiter.id)
            let error = ServiceError.activityNotFound(key.workflowID)
            self.hold(.reply(waiter.id, .failure(error)), until: self.open.id, &effects)
        }
        self.delete(key)
    }

    // MARK: Waits

    mutating func wait(_ waiter: ActivityWaiter, onActivity key: WorkflowKey) {
        self.activities[key]?.waiters.append(waiter)
        self.waitingOn[waiter.id] = key
        self.waitDeadlines.set(waiter.id, to: waiter.deadline)
    }

    /// When to answer a caller who waits, so that the answer arrives before it gives up.
    func longPollDeadline(of call: Call) -> Timestamp {
        let window = self.now + self.settings.activityLongPollTimeout
        let buffer = self.settings.activityLongPollBuffer
        guard let deadline = call.request.deadline else { return window }
        return max(min(window, deadline + .nanoseconds(-buffer.nanoseconds)), self.now)
    }

    private mutating func serveWaiters(ofActivity key: WorkflowKey, _ effects: inout [Effect]) {
        guard let activity = self.activities[key], activity.isAwaited else { return }
        var waiting: [ActivityWaiter] = []
        for waiter in activity.waiters {
            guard let reply = activity.state.reply(to: waiter.wish, now: self.now) else {
                waiting.append(waiter)
                continue
            }
            self.forgetWait(waiter.id)
            self.reply(waiter.id, .standaloneActivity(reply), seeing: key, &effects)
        }
        self.activities[key]?.waiters = waiting
    }

    /// A caller has waited long enough: it gets an empty answer and may ask again.
    mutating func expireWait(
        _ id: RequestID, onActivity key: WorkflowKey, _ effects: inout [Effect]
    ) {
        guard let waiters = self.activities[key]?.waiters,
            let waiter = waiters.first(where: { $0.id == id })
        else { return }
        self.activities[key]?.waiters.removeAll { $0.id == id }
        self.reply(id, .standaloneActivity(waiter.wish.emptyReply), seeing: nil, &effects)
    }
}

extension ActivityWaiter.Wish {
    var emptyReply: StandaloneActivityReply {
        switch self {
        case .outcome: .polled(.init())
        case .change: .described(.init())
        }
    }
}

extension StandaloneActivityState {
    /// What a caller waits for, if it is there.
    func reply(to wish: ActivityWaiter.Wish, now: Timestamp) -> StandaloneActivityReply? {
        switch wish {
        case .outcome: self.isRunning ? nil : .polled(self.outcomeResponse)
        case .change(let count, let request):
            self.info.stateTransitionCount > count
                ? .described(self.description(for: request, now: now)) : nil
        }
    }
}

extension ServiceError {
    static func activityNotFound(_ activityID: WorkflowID) -> ServiceError {
        .notFound("activity not found for ID: \(activityID)")
    }
}
