import Primitives
import ServiceClients
import TemporalAPI

// What tasks that reach other runs have in common.
extension HistoryShard {
    /// Sends a task's request to a run of this namespace or another one.
    mutating func send(
        _ operation: RunOperation, to namespaceID: NamespaceID, _ namespaceName: String,
        _ workflowID: WorkflowID, from run: CachedRun, _ taskID: Int64, _ effects: inout [Effect]
    ) {
        let info = run.state.info
        let isOwn = namespaceID.rawValue == info.namespaceID
        let namespace =
            isOwn
            ? NamespaceReference(
                id: namespaceID, name: info.namespaceName,
                retention: self.retentions[namespaceID] ?? .nanoseconds(info.retentionNs))
            : NamespaceReference(id: namespaceID, name: namespaceName, retention: .zero)
        let request = HistoryRequest(
            namespace: namespace, workflowID: workflowID, deadline: nil,
            operation: .fromRun(operation))
        effects.append(
            isOwn
                ? .send(taskID: taskID, request) : .sendAcross(taskID: taskID, request))
    }

    /// An event a task is about, if it is in memory; otherwise the task goes on once it is read.
    mutating func event(
        _ eventID: Int64, of run: CachedRun, for taskID: Int64, _ effects: inout [Effect]
    ) -> HistoryEvent? {
        if let event = run.events(in: eventID..<(eventID + 1))?.first { return event }
        effects.append(.readEvents(taskID: taskID, HistoryFetch(eventID, of: run.state.key)))
        return nil
    }
}
