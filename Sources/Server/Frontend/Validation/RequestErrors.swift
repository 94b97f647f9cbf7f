import Primitives

// What callers are told about a request that cannot be done as it is. The wording is Temporal's:
// clients, tests and people look for it.
extension ServiceError {
    // The call as a whole.
    static let namespaceNotSet = invalidArgument("Namespace not set on request.")
    static let namespaceEmpty = invalidArgument("Namespace is empty.")
    static let namespaceTooLong = invalidArgument("Namespace length exceeds limit.")
    static let taskTokenNotSet = invalidArgument("Task token not set on request.")
    static let tokenUnreadable = invalidArgument("Error deserializing task token.")
    static let tokenInvalid = invalidArgument("Invalid TaskToken.")
    static let tokenOfAnotherNamespace = invalidArgument(
        "Operation requested with a token from a different namespace.")
    static let pollTimeoutNotSet = invalidArgument("Context timeout is not set.")
    static let pollTimeoutTooShort = ServiceError(
        .failedPrecondition, "Context timeout is too short.")

    // Names and ids.
    static let executionNotSet = invalidArgument("Execution is not set on request.")
    static let workflowIDNotSet = invalidArgument("WorkflowId is not set on request.")
    static let workflowIDTooLong = invalidArgument("WorkflowId length exceeds limit.")
    static let runIDInvalid = invalidArgument("Invalid RunId.")
    static let activityIDNotSet = invalidArgument("ActivityId is not set on request.")
    static let activityIDOrTypeNotSet = invalidArgument(
        "Either Activity.Id or Activity.Type should be set on request.")
    static let activityIDTooLong = invalidArgument("ActivityId length exceeds limit.")
    static let workflowTypeNotSet = invalidArgument("WorkflowType is not set on request.")
    static let workflowTypeTooLong = invalidArgument("WorkflowType length exceeds limit.")
    static let taskQueueNotSet = invalidArgument("taskQueue is not set")
    static let taskQueueTooLong = invalidArgument("taskQueue length exceeds limit")
    static let taskQueueReserved = invalidArgument(
        "task queue name cannot start with reserved prefix /_sys/")
    static let taskQueueInternal = invalidArgument("cannot use internal per-namespace task queue")
    static let signalNameNotSet = invalidArgument("SignalName is not set on request.")
    static let signalNameTooLong = invalidArgument("SignalName length exceeds limit.")
    static let queryNotSet = invalidArgument("WorkflowQuery is not set on request.")
    static let queryTypeNotSet = invalidArgument("QueryType is not set on request.")
    static let queryTypeTooLong = invalidArgument("QueryType length exceeds limit.")
    static let requestIDNotSet = invalidArgument("RequestId is not set on request.")
    static let requestIDTooLong = invalidArgument("RequestId length exceeds limit.")
    static let identityTooLong = invalidArgument("Identity length exceeds limit.")
    static let reasonTooLong = invalidArgument("Reason length exceeds limit.")

    // Start options.
    static let cronAndStartDelay = invalidArgument(
        "CronSchedule and WorkflowStartDelay may not be used together.")
    static let cronInvalid = invalidArgument("invalid CronSchedule.")
    static let cronNeverDue = invalidArgument(
        "invalid CronSchedule, no time can be found to satisfy the schedule")
    static let terminateIfRunningWithConflictPolicy = invalidArgument(
        "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be "
            + "used together with a WorkflowIDConflictPolicy")
    static let rejectDuplicateWithTerminateExisting = invalidArgument(
        "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used "
            + "together with WorkflowIdConflictPolicy "
            + "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING")
    static let conflictPolicyFailUnsupported = invalidArgument(
        "Invalid WorkflowIDConflictPolicy: Fail is not supported for this operation.")
    static let callbacksNeedRequestID = invalidArgument(
        "attaching request ID is required for attaching completion callbacks")

    // Sizes.
    static let blobTooLarge = invalidArgument("Blob data size exceeds limit.")
    static let memoTooLarge = invalidArgument("Memo size exceeds limit.")

    // Priority.

    // Namespaces.
    static let retentionInvalid = invalidArgument(
        "A valid retention period is not set on request.")
    static let globalNamespacesDisabled = invalidArgument(
        "Cannot register global namespace when not enabled")
    static let namespaceStateUpdateInvalid = invalidArgument("Invalid namespace state update.")

    // Activities and paging.
    static let failureNotApplication = invalidArgument(
        "Failure must have ApplicationFailureInfo.")
    static let pageTokenInvalid = invalidArgument("Invalid NextPageToken.")

    /// Something a Temporal server can do and this one cannot do yet.
    static func notBuilt(_ what: String) -> ServiceError {
        ServiceError(.unimplemented, "\(what) not built yet")
    }
}
