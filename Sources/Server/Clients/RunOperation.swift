import Primitives
import SwiftProtobuf
import TemporalAPI

/// What one run asks of another: a workflow of its child or of a stranger, a child of its parent.
///
/// Sent at least once; the same request again changes nothing.
package enum RunOperation: Sendable {
    /// Start a child, which waits until it is released.
    case startChild(ChildStart)
    /// The parent knows that its child exists: the child may run.
    case releaseChild(ChildSelection)
    /// The parent has closed; `policy` says what that means to its child.
    case closeChild(ChildSelection, Temporal_Api_Enums_V1_ParentClosePolicy)
    /// A child tells its parent how it ended.
    case recordChildClosed(ChildEnd)
    case signal(ExternalSignal)
    case requestCancel(ExternalCancel)
}

/// A run that asks something of another one.
package struct SendingRun: Sendable, Equatable {
    package let key: WorkflowKey
    package let namespaceName: String
    /// Of the run that wrote its first event; resets share it.
    package let originalRunID: RunID
    /// The event of the sender that led to the request; 0 if none did.
    package let initiatedEventID: Int64

    package init(
        key: WorkflowKey, namespaceName: String, originalRunID: RunID, initiatedEventID: Int64
    ) {
        self.key = key
        self.namespaceName = namespaceName
        self.originalRunID = originalRunID
        self.initiatedEventID = initiatedEventID
    }

    /// The sender as events name it.
    package var execution: Temporal_Api_Common_V1_WorkflowExecution {
        .with {
            $0.workflowID = self.key.workflowID.rawValue
            $0.runID = self.key.runID.rawValue
        }
    }
}

/// The start of a child; every field of the request is decided.
package struct ChildStart: Sendable {
    package let request: Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest
    package let parent: SendingRun
    package let root: Temporal_Api_Common_V1_WorkflowExecution

    package init(
        request: Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest,
        parent: SendingRun, root: Temporal_Api_Common_V1_WorkflowExecution
    ) {
        self.request = request
        self.parent = parent
        self.root = root
    }
}

/// A child as its parent knows it.
package struct ChildSelection: Sendable {
    package let parent: SendingRun
    /// The first run of the child's chain; empty if the parent does not know it.
    package let firstRunID: RunID

    package init(parent: SendingRun, firstRunID: RunID) {
        self.parent = parent
        self.firstRunID = firstRunID
    }
}

/// The end of a child's last run.
package struct ChildEnd: Sendable {
    /// The run that started the child.
    package let parentRunID: RunID
    package let initiatedEventID: Int64
    package let child: Temporal_Api_Common_V1_WorkflowExecution
    package let firstRunID: RunID
    /// The event that closed the child.
    package let event: Temporal_Api_History_V1_HistoryEvent

    package init(
        parentRunID: RunID, initiatedEventID: Int64,
        child: Temporal_Api_Common_V1_WorkflowExecution, firstRunID: RunID,
        event: Temporal_Api_History_V1_HistoryEvent
    ) {
        self.parentRunID = parentRunID
        self.initiatedEventID = initiatedEventID
        self.child = child
        self.firstRunID = firstRunID
        self.event = event
    }
}

/// A signal a workflow sends to another one.
package struct ExternalSignal: Sendable {
    package let sender: SendingRun
    package let request: Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionRequest
    /// Only a child of the sender takes it.
    package let isForChildOnly: Bool

    package init(
        sender: SendingRun,
        request: Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionRequest,
        isForChildOnly: Bool
    ) {
        self.sender = sender
        self.request = request
        self.isForChildOnly = isForChildOnly
    }
}

/// A workflow's request that another one cancel itself.
package struct ExternalCancel: Sendable {
    package let sender: SendingRun
    package let request: Temporal_Api_Workflowservice_V1_RequestCancelWorkflowExecutionRequest
    /// Only a child of the sender takes it.
    package let isForChildOnly: Bool

    package init(
        sender: SendingRun,
        request: Temporal_Api_Workflowservice_V1_RequestCancelWorkflowExecutionRequest,
        isForChildOnly: Bool
    ) {
        self.sender = sender
        self.request = request
        self.isForChildOnly = isForChildOnly
    }
}
