import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    mutating func wait(_ waiter: HistoryWaiter, on key: WorkflowKey) {
        guard var run = self.runs[key] else { return }
        run.waiters.append(waiter)
        self.store(run)
        self.waitingOn[waiter.id] = key
        self.waitDeadlines.set(waiter.id, to: waiter.deadline)
    }

    /// Answers the callers who waited for new events of a run.
    mutating func serveWaiters(of key: WorkflowKey, _ effects: inout [Effect]) {
        guard var run = self.runs[key], !run.waiters.isEmpty else { return }
        let waiters = run.waiters
        run.waiters = []
        self.store(run)
        for waiter in waiters {
            self.forgetWait(waiter.id)
            self.answer(
                waiter.id, waiter.request, run, mayWait: true, until: waiter.deadline, &effects)
        }
    }

    mutating func forgetWait(_ id: RequestID) {
        self.waitingOn[id] = nil
        self.waitDeadlines.set(id, to: nil)
    }

    mutating func expireWaits(_ effects: inout [Effect]) {
        while let id = self.waitDeadlines.popDue(at: self.now) {
            guard let key = self.waitingOn.removeValue(forKey: id) else { continue }
            if key.archetype == .activity { self.expireWait(id, onActivity: key, &effects) }
            guard var run = self.runs[key] else { continue }
            if let index = run.waiters.firstIndex(where: { $0.id == id }) {
                let waiter = run.waiters.remove(at: index)
                self.store(run)
                self.answer(
                    id, waiter.request, run, mayWait: false, until: waiter.deadline, &effects)
            } else if let index = run.queries.firstIndex(where: { $0.requestID == id }) {
                run.queries.remove(at: index)
                self.store(run)
                self.refuse(id, .queryTimedOut, seeing: nil, &effects)
            } else if let index = run.updateWaiters.firstIndex(where: { $0.id == id }) {
                let waiter = run.updateWaiters.remove(at: index)
                self.store(run)
                self.answer(waiter, with: run.status(of: waiter.updateID), run, &effects)
            }
        }
    }

    mutating func canceled(_ id: RequestID, _ effects: inout [Effect]) {
        guard self.live.remove(id) != nil else { return }
        self.early.removeAll { $0.0 == id }
        self.resets[id] = nil
        if let key = self.waitingOn[id], var run = self.runs[key] {
            run.waiters.removeAll { $0.id == id }
            run.queries.removeAll { $0.requestID == id }
            run.updateWaiters.removeAll { $0.id == id }
            self.store(run)
        } else if let key = self.waitingOn[id] {
            self.activities[key]?.waiters.removeAll { $0.id == id }
        }
        self.forgetWait(id)
        for (queryID, query) in self.directQueries where query.requestID == id {
            self.directQueries[queryID] = nil
            effects.append(.cancelQuery(queryID))
        }
    }
}

extension ServiceError {
    static let queryTimedOut = ServiceError(
        .deadlineExceeded, "query timed out before a worker could process it")
}
