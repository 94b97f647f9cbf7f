import Primitives
import ServiceClients
import TemporalAPI

extension TaskQueuePartition {
    mutating func pollArrived(
        _ call: CallID, _ request: TaskPoll, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        guard !self.isStopped, request.deadline > now else {
            effects.append(.replyPoll(call, .success(.nothing)))
            return
        }
        guard self.polls.count + self.starts.count < self.limits.pollersMax else {
            effects.append(.replyPoll(call, .failure(.tooManyCalls("polls of this task queue"))))
            return
        }
        self.lastUsedAt = now
        self.pollers.record(
            request.worker.identity, tasksPerSecondMax: request.tasksPerSecondMax, now: now)
        if let rate = request.tasksPerSecondMax { self.rateLimiter.setRate(rate, now: now) }
        self.polls.insert(PollerQueue.Poll(id: call, request: request, arrivedAt: now))
        self.waits.set(.poll(call), at: request.deadline)
    }

    /// A caller went away.
    ///
    /// A poll that waits gets no task; one whose task is being started leaves it to history, which
    /// times it out.
    mutating func pollCanceled(_ call: CallID, _ now: Timestamp, _ effects: inout [Effect]) {
        if let poll = self.polls.remove(call) {
            self.answer(poll, .success(.nothing), now, &effects)
        } else if let start = self.starts[call], !start.isWithdrawn {
            self.starts[call]?.isWithdrawn = true
            self.answer(start.poll, .success(.nothing), now, &effects)
        }
    }

    /// A poll waited until its deadline; one whose task is being started waits for the outcome.
    mutating func pollExpired(_ call: CallID, _ now: Timestamp, _ effects: inout [Effect]) {
        if let poll = self.polls.remove(call) {
            self.answer(poll, .success(.nothing), now, &effects)
        }
    }

    mutating func answer(
        _ poll: PollerQueue.Poll, _ reply: PollReply, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        self.lastUsedAt = now
        self.waits.remove(.poll(poll.id))
        self.pollers.touch(poll.request.worker.identity, now: now)
        effects.append(.replyPoll(poll.id, reply))
    }

    /// A poll whose task came to nothing goes on waiting, in its old place.
    mutating func resume(
        _ poll: PollerQueue.Poll, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        if self.isStopped || poll.request.deadline <= now {
            self.answer(poll, .success(.nothing), now, &effects)
        } else {
            self.polls.insert(poll)
        }
    }

    /// Whether a worker of this queue was there within the last `window`, or is there now.
    func isPolled(within window: Duration, _ now: Timestamp) -> Bool {
        !self.polls.isEmpty || self.pollers.isPolled(within: window, now: now)
    }

    /// Whether this is a sticky queue whose worker seems to be gone.
    func isStickyWorkerGone(_ now: Timestamp) -> Bool {
        self.queue.isSticky
            && !self.isPolled(within: self.limits.stickyPollerUnavailableWindow, now)
    }

    /// The worker of this sticky queue says goodbye: nothing more is taken in for it.
    ///
    /// Tasks that are durable already wait until they expire; history gives them to the normal queue.
    mutating func workerLeft(_ now: Timestamp, _ effects: inout [Effect]) {
        guard self.queue.isSticky else { return }
        for poll in self.polls.removeAll() {
            self.answer(poll, .success(.nothing), now, &effects)
        }
        self.pollers.removeAll()
        self.failArrivals(.stickyWorkerUnavailable, &effects)
        for call in self.queries.removeWaiting() {
            self.answerQuery(call, .failure(.stickyWorkerUnavailable), &effects)
        }
    }

    /// This node shuts down: everybody is answered, except polls whose task is being started,
    /// which wait for the outcome.
    mutating func stopped(_ now: Timestamp, _ effects: inout [Effect]) {
        guard !self.isStopped else { return }
        self.isStopped = true
        for poll in self.polls.removeAll() {
            self.answer(poll, .success(.nothing), now, &effects)
        }
        self.failArrivals(.shuttingDown, &effects)
        for (_, arrival) in self.appending {
            effects.append(.replyAdd(arrival.add, .shuttingDown))
        }
        self.appending.removeAll()
        for call in self.queries.removeWaiting() + self.queries.removeDelivered() {
            self.answerQuery(call, .failure(.shuttingDown), &effects)
        }
        self.waits.removeAll()
    }
}

extension ServiceError {
    package static let stickyWorkerUnavailable = ServiceError(
        .stickyWorkerUnavailable, "sticky worker unavailable, please use original task queue.")
    package static let shuttingDown = ServiceError.unavailable("task queue is shutting down")
    static let backlogUnavailable = ServiceError.unavailable(
        "task queue could not store the task, please retry")

    package static func tooManyCalls(_ what: String) -> ServiceError {
        ServiceError(
            .resourceExhausted(cause: .concurrentLimit, scope: .namespace),
            "too many outstanding \(what)")
    }
}
