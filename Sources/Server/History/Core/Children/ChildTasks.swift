import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

// Tasks that need no answer from the other run: to release a child, to close one, to tell a parent.
extension HistoryShard {
    mutating func release(
        _ child: StoredChildReference, _ taskID: Int64, _ effects: inout [Effect]
    ) {
        guard let run = self.run(ofTask: taskID, then: .task(taskID), &effects) else { return }
        self.send(.releaseChild(child.selection(of: run)), to: child, from: run, taskID, &effects)
    }

    /// Closes a child, once not too many others are being closed.
    mutating func close(
        _ child: StoredChildReference, _ taskID: Int64, _ effects: inout [Effect]
    ) {
        guard
            self.closingChildren.contains(taskID)
                || self.closingChildren.count < self.settings.closingChildrenMax
        else { return self.childrenToClose.append(taskID) }
        self.closingChildren.insert(taskID)
        guard let run = self.run(ofTask: taskID, then: .task(taskID), &effects) else {
            if self.tasks[taskID] == nil { self.closingChildren.remove(taskID) }
            return
        }
        self.send(
            .closeChild(child.selection(of: run), child.policy), to: child, from: run, taskID,
            &effects)
    }

    mutating func closeMoreChildren(_ effects: inout [Effect]) {
        while self.closingChildren.count < self.settings.closingChildrenMax,
            !self.childrenToClose.isEmpty
        {
            self.begin(self.childrenToClose.removeFirst(), &effects)
        }
    }

    private mutating func send(
        _ operation: RunOperation, to child: StoredChildReference, from run: CachedRun,
        _ taskID: Int64, _ effects: inout [Effect]
    ) {
        self.send(
            operation, to: NamespaceID(child.namespaceID), child.namespace,
            WorkflowID(child.workflowID), from: run, taskID, &effects)
    }

    // MARK: Parents

    mutating func notifyParent(
        _ notice: StoredNotifyParent, _ taskID: Int64, _ effects: inout [Effect]
    ) {
        guard let run = self.run(ofTask: taskID, then: .task(taskID), &effects),
            let event = self.event(notice.closeEventID, of: run, for: taskID, &effects)
        else { return }
        self.notifyParent(notice, of: event, taskID, &effects)
    }

    mutating func notifyParent(
        _ notice: StoredNotifyParent, of event: HistoryEvent, _ taskID: Int64,
        _ effects: inout [Effect]
    ) {
        let waiting = Waiting.events(taskID, .success([event]))
        guard let run = self.run(ofTask: taskID, then: waiting, &effects) else { return }
        let end = ChildEnd(
            parentRunID: RunID(notice.parentRunID), initiatedEventID: notice.initiatedEventID,
            child: run.state.execution, firstRunID: RunID(run.state.info.firstRunID), event: event)
        self.send(
            .recordChildClosed(end), to: NamespaceID(notice.parentNamespaceID),
            notice.parentNamespace, WorkflowID(notice.parentWorkflowID), from: run, taskID,
            &effects)
    }
}

extension StoredChildReference {
    fileprivate func selection(of run: CachedRun) -> ChildSelection {
        ChildSelection(
            parent: run.state.sender(initiatedEventID: self.initiatedEventID),
            firstRunID: RunID(self.runID))
    }
}
