import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension MutableState {
    /// The children as an operator sees them.
    var pendingChildren: [Temporal_Api_Workflow_V1_PendingChildExecutionInfo] {
        // What a closed run keeps is only for its own tasks.
        guard self.isRunning else { return [] }
        return self.children.values.sorted { $0.initiatedEventID < $1.initiatedEventID }
            .map { child in
                .with {
                    $0.workflowID = child.workflowID
                    $0.runID = child.runID
                    $0.workflowTypeName = child.workflowType
                    $0.initiatedID = child.initiatedEventID
                    $0.parentClosePolicy = child.parentClosePolicy
                }
            }
    }

    /// This run as other runs are told of it.
    func sender(initiatedEventID: Int64 = 0) -> SendingRun {
        SendingRun(
            key: self.key, namespaceName: self.info.namespaceName,
            originalRunID: RunID(self.info.originalRunID), initiatedEventID: initiatedEventID)
    }

    /// Whether this run was started by `sender`, or by a run that was reset to become it.
    func isChild(of sender: SendingRun) -> Bool {
        let parent = RunID(self.info.parentRunID)
        return self.info.parentNamespaceID == sender.key.namespaceID.rawValue
            && self.info.parentWorkflowID == sender.key.workflowID.rawValue
            && (parent == sender.key.runID || parent == sender.originalRunID)
    }
}

extension ServiceError {
    static let parentDoesNotMatch = ServiceError.notFound("workflow parent does not match")
    static let childNotPending = ServiceError.notFound("Pending child execution not found.")
}

extension Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes {
    /// Makes the run a child of the same parent.
    mutating func takeOverParent(from other: Self) {
        guard other.hasParentWorkflowExecution else { return }
        self.parentWorkflowNamespace = other.parentWorkflowNamespace
        self.parentWorkflowNamespaceID = other.parentWorkflowNamespaceID
        self.parentWorkflowExecution = other.parentWorkflowExecution
        self.parentInitiatedEventID = other.parentInitiatedEventID
        self.parentInitiatedEventVersion = other.parentInitiatedEventVersion
        if other.hasRootWorkflowExecution {
            self.rootWorkflowExecution = other.rootWorkflowExecution
        }
    }
}
