import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    // MARK: Gathering

    /// Begins a transition of a cached run.
    func transition(of run: CachedRun) -> Transition {
        var generator = self.generator
        let seed = generator.next()
        var state = run.state
        if state.isRunning, let retention = self.retentions[state.key.namespaceID] {
            state.info.retentionNs = retention.nanoseconds
        }
        return Transition(
            state, updates: run.updates, now: self.now, settings: self.settings,
            generator: SeededGenerator(seed, run.state.info.nextEventID.magnitude))
    }

    /// Accepts a finished transition: its state counts from now on, and is written with the open batch.
    ///
    /// A run that has grown too large is terminated instead; the call is refused whatever its
    /// handler answers.
    mutating func accept(_ transition: Transition, _ effects: inout [Effect]) {
        _ = self.generator.next()
        let step = self.prepare(transition)
        if let run = self.runs[step.run.key], let limit = self.limitReached(by: step, after: run) {
            var end = self.transition(of: run)
            end.terminateRun(
                reason: limit.rawValue, details: nil, identity: historyServiceIdentity)
            self.refuseCurrentCall(.invalidArgument(limit.rawValue))
            self.write(self.prepare(end), &effects)
        } else {
            self.write(step, &effects)
        }
    }

    /// Finishes a transition and serializes what it changes, with the run that follows if one does.
    private mutating func prepare(_ transition: Transition) -> PreparedStep {
        var transition = transition
        let successor = transition.successor
        transition.finish()
        var next: PreparedWrite?
        if let successor {
            let key = transition.state.key
            var following = Transition.creating(
                successor, namespaceID: key.namespaceID,
                namespaceName: transition.state.info.namespaceName,
                retention: .nanoseconds(transition.state.info.retentionNs), now: self.now,
                settings: self.settings, generator: self.generator)
            following.needsWorkflowTask = true
            following.finish()
            next = self.serialize(following)
        }
        return PreparedStep(run: self.serialize(transition), successor: next)
    }

    private mutating func write(_ step: PreparedStep, _ effects: inout [Effect]) {
        self.reportGrowth(to: step.run, &effects)
        self.write(step.run)
        let key = step.run.key
        if let next = step.successor {
            self.write(next)
            self.makeCurrent(next.key, expected: key.runID)
        }
        self.serveWaiters(of: key, &effects)
        self.unblockQueries(of: key, &effects)
        self.serveUpdateWaiters(of: key, step.run.updateEnds, &effects)
    }

    /// Accepts a run that did not exist, as the current one of its workflow id.
    mutating func acceptNew(_ transition: Transition, replacing previous: RunID?) {
        _ = self.generator.next()
        var transition = transition
        transition.finish()
        self.write(self.serialize(transition))
        let key = transition.state.key
        self.makeCurrent(key, expected: previous ?? self.deletedCurrentRun(of: key.address))
    }

    mutating func makeCurrent(_ key: WorkflowKey, expected: RunID?) {
        self.currentRuns[key.address] = key.runID
        self.open.add(CurrentRunWrite(address: key.address, expected: expected, runID: key.runID))
    }

    private mutating func serialize(_ transition: Transition) -> PreparedWrite {
        var state = transition.state
        let key = state.key
        var events: [HistoryEvent] = []
        var nodes: [HistoryNode] = []
        for var batch in transition.batches {
            for index in batch.indices { batch[index].taskID = self.drawTaskID() }
            guard let first = batch.first, let last = batch.last else { continue }
            var history = Temporal_Api_History_V1_History()
            history.events = batch
            nodes.append(
                HistoryNode(
                    key: key, firstEventID: first.eventID, lastEventID: last.eventID,
                    events: MutableState.bytes(history)))
            events += batch
        }
        let eventBytes = nodes.reduce(0) { $0 + $1.events.count }
        state.info.historySize += Int64(eventBytes) - transition.forkedBytes
        var run =
            self.runs[key]
            ?? CachedRun(state: state, version: 0, lastBatch: self.open.id)
        let expected = run.version
        run.state = state
        run.updates = transition.updates
        run.version += 1
        let write = Self.write(transition, state, expected: expected, version: run.version)
        run.account(
            info: write.info, upserted: write.upsertedItems, deleted: write.deletedItems)
        return PreparedWrite(
            run: run, write: write, nodes: nodes, events: events, eventBytes: eventBytes,
            tasks: transition.tasks, isVisibilityChanged: transition.isVisibilityChanged,
            updateEnds: transition.updateEnds)
    }

    private mutating func write(_ prepared: PreparedWrite) {
        var run = prepared.run
        run.lastBatch = self.open.id
        run.remember(prepared.events, bytes: prepared.eventBytes)
        for node in prepared.nodes { self.open.add(node) }
        self.open.add(prepared.write)
        self.open.transitions += 1
        self.count { $0.transitions += 1 }
        if prepared.isVisibilityChanged { self.open.add(run.state.visibilityRecord) }
        for task in prepared.tasks { self.add(task) }
        self.setTimer(prepared.key, to: prepared.write.nextTimerAt)
        self.store(run)
    }

    private static func write(
        _ transition: Transition, _ state: MutableState, expected: Int64, version: Int64
    ) -> RunWrite {
        var write = RunWrite(
            key: state.key, expectedVersion: expected, version: version,
            nextTimerAt: state.nextDeadline, info: MutableState.bytes(state.info),
            upsertedItems: [:], deletedItems: [])
        for change in transition.changedItems {
            let key = change.key
            if let bytes = state.bytes(of: key) {
                write.upsertedItems[key] = bytes
            } else {
                write.deletedItems.insert(key)
            }
        }
        return write
    }

    mutating func add(_ task: StoredHistoryTask) {
        let id = self.drawTaskID()
        self.tasks[id] = task
        self.open.add(HistoryTaskRow(id: id, task: MutableState.bytes(task)))
        self.open.startedTasks.append(id)
    }

    private mutating func drawTaskID() -> Int64 {
        self.nextTaskID += 1
        return self.nextTaskID
    }

    // MARK: Committing

    /// Commits the open batch if there is something in it and nothing is being committed.
    mutating func flush(_ effects: inout [Effect]) {
        guard self.phase == .serving, self.inFlight == nil, !self.open.batch.isEmpty else { return }
        self.deleteFinishedTasks()
        let batch = self.open
        self.inFlight = batch
        self.nextBatchID += 1
        self.open = OpenBatch(id: BatchID(rawValue: self.nextBatchID))
        effects.append(.commit(batch.id, batch.batch))
    }

    mutating func committed(_ id: BatchID, _ error: StoreError?, _ effects: inout [Effect]) {
        guard let batch = self.inFlight, batch.id == id else { return }
        if let error {
            // Whether it is written or not, memory can no longer be trusted to match the store.
            self.reload(because: "a commit failed: \(error)", &effects)
            return
        }
        self.inFlight = nil
        self.durable = id
        self.count {
            if batch.transitions > 0 {
                $0.transitionCommits += 1
            } else {
                $0.maintenanceCommits += 1
            }
        }
        for effect in batch.held { self.release(effect, &effects) }
        for taskID in batch.startedTasks { self.begin(taskID, &effects) }
        self.forgetDeletedRuns()
        self.evict()
    }

    /// Lets an effect out once the batch it depends on is durable.
    mutating func hold(_ effect: Effect, until batch: BatchID, _ effects: inout [Effect]) {
        let effect = self.refusing(effect)
        if batch <= self.durable {
            self.release(effect, &effects)
        } else if self.inFlight?.id == batch {
            self.inFlight?.held.append(effect)
        } else {
            self.open.held.append(effect)
        }
    }

    private mutating func release(_ effect: Effect, _ effects: inout [Effect]) {
        switch effect {
        case .reply(let id, _), .replyWithHistory(let id, _, _):
            guard self.live.remove(id) != nil else { return }
        case .dispatchQuery(let id, _, _):
            guard self.directQueries[id] != nil else { return }
        default:
            break
        }
        effects.append(effect)
    }

    // MARK: Replies

    /// Answers once everything known of `run` is durable.
    mutating func reply(
        _ id: RequestID, _ reply: HistoryReply, seeing run: WorkflowKey?, _ effects: inout [Effect]
    ) {
        let batch = run.flatMap { self.lastBatch(of: $0) } ?? self.durable
        self.hold(.reply(id, .success(reply)), until: batch, &effects)
    }

    mutating func refuse(
        _ id: RequestID, _ error: ServiceError, seeing run: WorkflowKey?, _ effects: inout [Effect]
    ) {
        var batch = run.flatMap { self.lastBatch(of: $0) } ?? self.durable
        if error.kind == .notFound {
            // What is not there may have been deleted a moment ago, and come back if that fails.
            batch = self.deletedRuns.values.map(\.batch).reduce(batch, max)
        }
        self.hold(.reply(id, .failure(error)), until: batch, &effects)
    }

    /// Answers with a page of history, from memory if it is there.
    mutating func reply(
        _ id: RequestID, _ reply: HistoryReply, fetch: HistoryFetch, _ effects: inout [Effect]
    ) {
        guard let run = self.runs[fetch.key] else {
            self.hold(.replyWithHistory(id, reply, fetch), until: self.durable, &effects)
            return
        }
        let last = min(fetch.events.upperBound, fetch.events.lowerBound + Int64(fetch.eventsMax))
        if let events = run.events(in: fetch.events.lowerBound..<max(last, fetch.events.lowerBound))
        {
            let page = fetch.page(events)
            self.hold(.reply(id, .success(reply.with(page))), until: run.lastBatch, &effects)
        } else {
            self.hold(.replyWithHistory(id, reply, fetch), until: run.lastBatch, &effects)
        }
    }
}
