import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Runs that are followed at most when a parent was reset again and again.
    private static let resetRunsMax = 100

    /// Writes down how a child ended, in the run that is its parent now.
    mutating func record(_ end: ChildEnd, _ call: Call, _ effects: inout [Effect]) {
        guard let run = self.parent(end, for: call, &effects) else { return }
        let key = run.state.key
        guard run.state.isRunning else {
            return self.refuse(call.id, .workflowCompleted, seeing: key, &effects)
        }
        guard let child = run.state.children[end.initiatedEventID],
            child.isMeant(by: end, in: run.state)
        else { return self.refuse(call.id, .childNotPending, seeing: key, &effects) }
        var transition = self.transition(of: run)
        if !child.isStarted { transition.recordChildStarted(child, runID: end.firstRunID) }
        let started = transition.state.children[end.initiatedEventID] ?? child
        transition.recordChildClosed(started, end.child, end.event)
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: key, &effects)
    }

    /// The run that started the child, or the one that goes on in its place after a reset.
    private mutating func parent(
        _ end: ChildEnd, for call: Call, _ effects: inout [Effect]
    ) -> CachedRun? {
        var runID = end.parentRunID
        for _ in 0..<Self.resetRunsMax {
            guard let run = self.run(runID, for: call, &effects) else { return nil }
            guard !run.state.isRunning, !run.state.info.resetRunID.isEmpty else { return run }
            runID = RunID(run.state.info.resetRunID)
        }
        self.refuse(call.id, .childNotPending, seeing: nil, &effects)
        return nil
    }
}

extension StoredChild {
    /// Whether the child that ended is this one.
    ///
    /// A run that goes on after a reset may have asked for another child with the same event.
    fileprivate func isMeant(by end: ChildEnd, in parent: MutableState) -> Bool {
        guard self.workflowID == end.child.workflowID else { return false }
        guard !self.isStarted else { return self.runID == end.firstRunID.rawValue }
        return end.parentRunID == parent.key.runID
            || self.createRequestID
                == StoredChild.requestID(of: end.initiatedEventID, writtenBy: end.parentRunID)
    }
}
