import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Removes a run with everything there is of it; one that is open is terminated first.
    ///
    /// The answer comes before the run is gone: its parent and its children are told first.
    mutating func delete(_ runID: RunID, _ call: Call, _ effects: inout [Effect]) {
        guard let run = self.run(runID, for: call, &effects) else { return }
        var transition = self.transition(of: run)
        if run.state.isRunning {
            transition.state.info.deleteWhenClosed = true
            transition.terminateRun(
                reason: "Delete workflow execution", details: nil, identity: historyServiceIdentity)
        } else {
            transition.add { $0.deleteRun = true }
        }
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: run.state.key, &effects)
    }

    /// Removes a closed run, once no other task needs it and the commit has room for it.
    mutating func deleteRun(_ taskID: Int64, _ effects: inout [Effect]) {
        guard let run = self.run(ofTask: taskID, then: .task(taskID), &effects) else { return }
        let key = run.state.key
        guard !run.state.isRunning else { return self.finish(taskID) }
        guard !self.isNeeded(key),
            self.open.batch.deletedRuns.count < self.settings.deletedRunsPerCommitMax
        else { return self.retry(taskID) }
        self.delete(key)
        self.finish(taskID)
    }

    /// Whether a closed run has something to tell other runs before it may be removed.
    func isNeeded(_ key: WorkflowKey) -> Bool {
        self.tasks.contains { $0.value.needsRun(key) }
    }
}

extension StoredHistoryTask {
    /// Whether this task cannot be done without a run that is closed.
    fileprivate func needsRun(_ key: WorkflowKey) -> Bool {
        guard self.key == key else { return false }
        switch self.work {
        case .startChild, .notifyParent, .closeChild, .releaseChild, .deliverCallback: return true
        case .workflowTask, .activity, .signalExternal, .cancelExternal, .deleteRun, nil:
            return false
        }
    }
}
