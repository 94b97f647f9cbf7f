import Primitives
import ServiceClients
import TemporalAPI

extension TaskQueuePartition {
    mutating func taskAdded(
        _ call: CallID, _ dispatch: TaskDispatch, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        let task = MatchingTask(dispatch, createdAt: now)
        let refusal: ServiceError?
        if self.isStopped {
            refusal = .shuttingDown
        } else if self.isStickyWorkerGone(now) {
            refusal = .stickyWorkerUnavailable
        } else if self.lease == .backingOff {
            refusal = .backlogUnavailable
        } else if self.addsWaitingCount >= self.limits.addsMax {
            refusal = .tooManyCalls("adds to this task queue")
        } else {
            refusal = nil
        }
        guard refusal == nil, !task.isExpired(now) else {
            effects.append(.replyAdd(call, refusal))
            return
        }
        self.lastUsedAt = now
        self.arrivals.insert(
            Arrival(add: call, task: task),
            for: ArrivalOrder(priority: task.priority, add: call))
    }

    private var addsWaitingCount: Int {
        self.arrivals.count + self.spilled.count + self.appending.count
    }

    /// Brings waiting polls together with what waits for them.
    mutating func match(_ now: Timestamp, _ effects: inout [Effect]) {
        while !self.polls.isEmpty {
            let hasQuery = self.queries.hasWaiting
            let source = hasQuery && self.isQueryTurn ? nil : self.nextTask(now, &effects)
            if let source, let poll = self.polls.popFirst() {
                self.start(source, poll, now, &effects)
                self.isQueryTurn = true
            } else if let query = self.queries.popFirst(), let poll = self.polls.popFirst() {
                self.deliver(query, to: poll, now, &effects)
                self.isQueryTurn = false
            } else {
                break
            }
        }
        self.waitForRate(now)
    }

    /// Takes out the task that is next, if one may be handed out now.
    private mutating func nextTask(
        _ now: Timestamp, _ effects: inout [Effect]
    ) -> Start.Source? {
        guard case .held = self.lease, self.rateLimiter.allows(now) else { return nil }
        while let entry = self.backlog.popFirst() {
            self.waits.remove(.backlogExpiry(entry.id))
            guard entry.task.isExpired(now) else {
                return .backlog(entry, generation: self.backlog.generation)
            }
            self.backlog.complete(entry.id)
        }
        // Nothing may overtake an older task that is in the store, or on its way there.
        guard !self.backlog.hasUnread, self.appending.isEmpty else { return nil }
        while let arrival = self.arrivals.popFirst()?.value {
            guard arrival.task.isExpired(now) else { return .arrival(arrival) }
            effects.append(.replyAdd(arrival.add, nil))
        }
        return nil
    }

    private mutating func start(
        _ source: Start.Source, _ poll: PollerQueue.Poll, _ now: Timestamp,
        _ effects: inout [Effect]
    ) {
        self.rateLimiter.take(now)
        let task: MatchingTask, known: String?
        switch source {
        case .arrival(let arrival): (task, known) = (arrival.task, arrival.startRequestID)
        case .backlog(let entry, _): (task, known) = (entry.task, entry.startRequestID)
        }
        let start = Start(
            poll: poll, requestID: known ?? self.random.uuid(), source: source)
        invariant(self.starts[poll.id] == nil, "\(poll.id) takes two tasks at a time")
        self.starts[poll.id] = start
        effects.append(
            .startTask(
                TaskStart(
                    poll: poll.id, task: task, namespace: poll.request.namespace,
                    queue: poll.request.queue, worker: poll.request.worker,
                    requestID: start.requestID)))
    }

    mutating func taskStartSucceeded(
        _ call: CallID, _ task: StartedTask, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        guard let start = self.starts.removeValue(forKey: call) else {
            invariantFailure("\(call) was given a task it did not ask for")
        }
        self.finish(start.source, &effects)
        guard !start.isWithdrawn else { return }
        let answer: PollAnswer
        switch start.source {
        case .arrival:
            answer = .syncMatch(self.addAdvice(to: task, start.poll, isSyncMatch: true, now))
        case .backlog:
            answer = .backlogTask(self.addAdvice(to: task, start.poll, isSyncMatch: false, now))
        }
        self.answer(start.poll, .success(answer), now, &effects)
    }

    mutating func taskStartFailed(
        _ call: CallID, _ error: ServiceError, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        guard let start = self.starts.removeValue(forKey: call) else {
            invariantFailure("\(call) was refused a task it did not ask for")
        }
        self.rateLimiter.giveBack()
        if error.leavesTaskStanding {
            self.putBack(start, now, &effects)
        } else {
            self.finish(start.source, &effects)
        }
        if !start.isWithdrawn { self.resume(start.poll, now, &effects) }
    }

    /// A task is started, or nobody's any more.
    private mutating func finish(_ source: Start.Source, _ effects: inout [Effect]) {
        switch source {
        case .arrival(let arrival):
            effects.append(.replyAdd(arrival.add, nil))
        case .backlog(let entry, let generation):
            // Of an earlier generation: its row is read again, and history refuses it then.
            if generation == self.backlog.generation { self.backlog.complete(entry.id) }
        }
    }

    /// History could not say: the task is tried again, after a while.
    private mutating func putBack(
        _ start: Start, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        switch start.source {
        case .arrival(var arrival):
            guard !self.isStopped else {
                effects.append(.replyAdd(arrival.add, .shuttingDown))
                return
            }
            arrival.failedStarts += 1
            arrival.startRequestID = start.requestID
            self.spilled.insert(arrival, for: arrival.add)
        case .backlog(var entry, let generation):
            guard generation == self.backlog.generation, !self.isStopped else { return }
            entry.failedStarts += 1
            entry.startRequestID = start.requestID
            self.delay(entry, now)
        }
    }

    /// Keeps a durable task back, the longer the more often its start failed.
    mutating func delay(_ entry: Backlog.Entry, _ now: Timestamp) {
        let wait = RetryBackoff.delay(
            afterFailures: entry.failedStarts, initial: .milliseconds(50), max: .seconds(5))
        self.backlog.delay(entry)
        self.waits.set(.backlogRetry(entry.id), at: now + wait)
    }

    /// Wakes up when the rate limit lets the next task through.
    private mutating func waitForRate(_ now: Timestamp) {
        guard !self.polls.isEmpty, self.backlog.windowCount > 0 || !self.arrivals.isEmpty,
            let nextAt = self.rateLimiter.nextAt(now), nextAt > now
        else { return self.waits.remove(.rateLimit) }
        self.waits.set(.rateLimit, at: nextAt)
    }

    /// Fills in what matching has to say to a worker.
    private mutating func addAdvice(
        to task: StartedTask, _ poll: PollerQueue.Poll, isSyncMatch: Bool, _ now: Timestamp
    ) -> StartedTask {
        let delta = self.scaling.suggestion(
            waited: now - poll.arrivedAt, isSyncMatch: isSyncMatch,
            oldestAt: self.backlog.oldestAt, now: now)
        switch task {
        case .workflow(var response):
            response.backlogCountHint = self.backlog.count
            if let delta {
                response.pollerScalingDecision.pollRequestDeltaSuggestion = delta
            }
            return .workflow(response)
        case .activity(var response):
            if let delta {
                response.pollerScalingDecision.pollRequestDeltaSuggestion = delta
            }
            return .activity(response)
        }
    }
}

extension ServiceError {
    /// Whether a task whose start failed this way is still to be done: history could not say.
    fileprivate var leavesTaskStanding: Bool {
        switch self.kind {
        case .unavailable, .shardUnavailable, .resourceExhausted, .deadlineExceeded, .cancelled:
            true
        case .invalidArgument, .notFound, .namespaceNotFound, .namespaceAlreadyExists,
            .namespaceInvalidState, .workflowExecutionAlreadyStarted,
            .activityExecutionAlreadyStarted, .alreadyExists,
            .failedPrecondition, .workflowNotReady, .queryFailed, .permissionDenied,
            .multiOperation, .aborted,
            .unimplemented, .dataLoss, .internalError, .taskAlreadyStarted, .obsoleteTask,
            .stickyWorkerUnavailable:
            false
        }
    }
}
