import Primitives
import TemporalAPI

/// How the other services reach history.
package protocol HistoryClient: Sendable {
    /// Sends a request to the shard that owns its workflow and waits for the reply, which comes
    /// only after everything it is based on is durable. Long polls reply late.
    ///
    /// Cancelling the calling task withdraws a waiting request: ``ServiceError/Kind/cancelled``.
    func send(_ request: HistoryRequest) async throws(ServiceError) -> HistoryReply
}

/// A request to one workflow, or to an execution of another archetype.
package struct HistoryRequest: Sendable {
    package let archetype: Archetype
    package let namespace: NamespaceReference
    package let workflowID: WorkflowID
    /// When the caller stops waiting; nil if it did not say.
    package let deadline: Timestamp?
    package let operation: HistoryOperation
    /// Other namespaces the operation names; history looks none up.
    package let otherNamespaces: [String: NamespaceID]

    package init(
        archetype: Archetype = .workflow, namespace: NamespaceReference, workflowID: WorkflowID,
        deadline: Timestamp?, operation: HistoryOperation,
        otherNamespaces: [String: NamespaceID] = [:]
    ) {
        self.archetype = archetype
        self.namespace = namespace
        self.workflowID = workflowID
        self.deadline = deadline
        self.operation = operation
        self.otherNamespaces = otherNamespaces
    }

    /// The same request with all that is known of its namespace.
    package func `in`(_ namespace: NamespaceReference) -> HistoryRequest {
        HistoryRequest(
            archetype: self.archetype, namespace: namespace, workflowID: self.workflowID,
            deadline: self.deadline, operation: self.operation,
            otherNamespaces: self.otherNamespaces)
    }

    package var address: WorkflowAddress {
        WorkflowAddress(
            archetype: self.archetype, namespaceID: self.namespace.id, workflowID: self.workflowID)
    }
}

/// What history needs to know of a namespace; it looks nothing up itself.
package struct NamespaceReference: Sendable, Hashable {
    package let id: NamespaceID
    package let name: String
    package let retention: Duration

    package init(id: NamespaceID, name: String, retention: Duration) {
        self.id = id
        self.name = name
        self.retention = retention
    }
}

/// What is asked of history.
///
/// Requests are validated by the frontend before they get here.
package enum HistoryOperation: Sendable {
    case startWorkflowExecution(Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest)
    case signalWithStart(Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionRequest)
    case signal(Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionRequest)
    case requestCancel(Temporal_Api_Workflowservice_V1_RequestCancelWorkflowExecutionRequest)
    case terminate(Temporal_Api_Workflowservice_V1_TerminateWorkflowExecutionRequest)
    case updateOptions(Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionOptionsRequest)
    case query(Temporal_Api_Workflowservice_V1_QueryWorkflowRequest)
    case update(Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionRequest)
    case pollUpdate(Temporal_Api_Workflowservice_V1_PollWorkflowExecutionUpdateRequest)
    /// `isRepeated`: the workflow it was for the first time closed meanwhile.
    case startAndUpdate(
        Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest,
        Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionRequest, isRepeated: Bool)
    /// `runID` empty: the current run.
    case describe(runID: RunID)
    /// `showsUnwritten`: the last page ends with the events of a workflow task that are written only
    /// when it completes.
    case getHistory(
        Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryRequest, showsUnwritten: Bool)
    case getHistoryReverse(
        Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryReverseRequest)
    case resetStickyTaskQueue(runID: RunID)
    case pause(Temporal_Api_Workflowservice_V1_PauseWorkflowExecutionRequest)
    case unpause(Temporal_Api_Workflowservice_V1_UnpauseWorkflowExecutionRequest)
    case reset(Temporal_Api_Workflowservice_V1_ResetWorkflowExecutionRequest)
    /// `runID` empty: the current run.
    case delete(runID: RunID)
    case fromRun(RunOperation)

    case recordWorkflowTaskStarted(WorkflowTaskStart)
    /// `flaw`: what the frontend has found wrong with it.
    case respondWorkflowTaskCompleted(
        StoredTaskToken, Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedRequest,
        flaw: CompletionFlaw?)
    case respondWorkflowTaskFailed(
        StoredTaskToken, Temporal_Api_Workflowservice_V1_RespondWorkflowTaskFailedRequest)

    case standaloneActivity(StandaloneActivityOperation)

    case recordActivityTaskStarted(ActivityTaskStart)
    case recordActivityHeartbeat(ActivityReference, details: Temporal_Api_Common_V1_Payloads?)
    case respondActivityCompleted(
        ActivityReference, result: Temporal_Api_Common_V1_Payloads?, worker: TaskWorker)
    case respondActivityFailed(
        ActivityReference, failure: Temporal_Api_Failure_V1_Failure?,
        lastHeartbeatDetails: Temporal_Api_Common_V1_Payloads?, worker: TaskWorker)
    case respondActivityCanceled(
        ActivityReference, details: Temporal_Api_Common_V1_Payloads?, worker: TaskWorker)
    /// `runID` empty: the current run.
    case changeActivities(runID: RunID, ActivitySelection, ActivityChange)
}

/// What is wrong with a worker's answer to a workflow task that only its namespace tells.
///
/// It fails the workflow task, as a command does that history itself finds wrong.
package struct CompletionFlaw: Sendable, Equatable {
    /// Which of the commands cannot be carried out; nil if the answer as a whole cannot.
    package let commandIndex: Int?
    package let cause: Temporal_Api_Enums_V1_WorkflowTaskFailedCause
    package let message: String
    /// The run cannot go on at all.
    package let terminatesRun: Bool

    package init(
        commandIndex: Int? = nil, cause: Temporal_Api_Enums_V1_WorkflowTaskFailedCause,
        message: String, terminatesRun: Bool = false
    ) {
        self.commandIndex = commandIndex
        self.cause = cause
        self.message = message
        self.terminatesRun = terminatesRun
    }
}

/// The worker that takes or answers a task, as it names itself.
package struct TaskWorker: Sendable, Equatable {
    package let identity: String
    /// Its build id; nil if it has told none.
    package let version: Temporal_Api_Common_V1_WorkerVersionStamp?

    package init(identity: String, version: Temporal_Api_Common_V1_WorkerVersionStamp? = nil) {
        self.identity = identity
        self.version = version
    }
}

/// A worker's poll takes a workflow task.
package struct WorkflowTaskStart: Sendable {
    package let runID: RunID
    package let scheduledEventID: Int64
    package let stamp: Int32
    /// Of the poll; the same one again gets the same answer.
    package let requestID: String
    package let worker: TaskWorker
    /// The queue that was polled.
    package let taskQueue: TaskQueueKey

    package init(
        runID: RunID, scheduledEventID: Int64, stamp: Int32, requestID: String, worker: TaskWorker,
        taskQueue: TaskQueueKey
    ) {
        self.runID = runID
        self.scheduledEventID = scheduledEventID
        self.stamp = stamp
        self.requestID = requestID
        self.worker = worker
        self.taskQueue = taskQueue
    }
}

/// A worker's poll takes an activity task.
package struct ActivityTaskStart: Sendable {
    package let runID: RunID
    package let scheduledEventID: Int64
    package let stamp: Int32
    /// Of the poll; the same one again gets the same answer.
    package let requestID: String
    package let worker: TaskWorker

    package init(
        runID: RunID, scheduledEventID: Int64, stamp: Int32, requestID: String, worker: TaskWorker
    ) {
        self.runID = runID
        self.scheduledEventID = scheduledEventID
        self.stamp = stamp
        self.requestID = requestID
        self.worker = worker
    }
}

/// How a caller names a pending activity.
package enum ActivityReference: Sendable {
    case token(StoredTaskToken)
    /// `runID` empty: the current run.
    case id(runID: RunID, activityID: String)
}

/// History's answers, one case per shape.
package enum HistoryReply: Sendable {
    case started(Temporal_Api_Workflowservice_V1_StartWorkflowExecutionResponse)
    case signalWithStarted(Temporal_Api_Workflowservice_V1_SignalWithStartWorkflowExecutionResponse)
    case signaled(Temporal_Api_Workflowservice_V1_SignalWorkflowExecutionResponse)
    case optionsUpdated(Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionOptionsResponse)
    case updated(Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionResponse)
    case updatePolled(Temporal_Api_Workflowservice_V1_PollWorkflowExecutionUpdateResponse)
    case startedAndUpdated(
        Temporal_Api_Workflowservice_V1_StartWorkflowExecutionResponse,
        Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionResponse)
    case described(Temporal_Api_Workflowservice_V1_DescribeWorkflowExecutionResponse)
    case history(Temporal_Api_Workflowservice_V1_GetWorkflowExecutionHistoryResponse)
    case queried(Temporal_Api_Workflowservice_V1_QueryWorkflowResponse)
    /// Complete, but for matching's own fields (backlog hint, scaling decision).
    case workflowTaskStarted(Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse)
    case activityTaskStarted(Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse)
    case workflowTaskCompleted(
        Temporal_Api_Workflowservice_V1_RespondWorkflowTaskCompletedResponse)
    case activityHeartbeat(Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatResponse)
    /// The run that goes on in place of the one that was reset.
    case reset(RunID)
    /// The options the last of the activities has now, if options were changed.
    case activitiesChanged(Temporal_Api_Activity_V1_ActivityOptions)
    case standaloneActivity(StandaloneActivityReply)
    /// Done; there is nothing to say.
    case done
}
