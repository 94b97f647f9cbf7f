import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// What the two requests that may start a workflow have in common.
protocol WorkflowStartRequest: NamespacedRequest {
    var workflowID: String { get set }
    var workflowType: Temporal_Api_Common_V1_WorkflowType { get set }
    var taskQueue: TaskQueue { get set }
    var hasTaskQueue: Bool { get }
    var input: Payloads { get }
    var workflowExecutionTimeout: Google_Protobuf_Duration { get set }
    var workflowRunTimeout: Google_Protobuf_Duration { get set }
    var workflowTaskTimeout: Google_Protobuf_Duration { get set }
    var identity: String { get }
    var requestID: String { get set }
    var workflowIDReusePolicy: Temporal_Api_Enums_V1_WorkflowIdReusePolicy { get set }
    var workflowIDConflictPolicy: Temporal_Api_Enums_V1_WorkflowIdConflictPolicy { get set }
    var retryPolicy: RetryPolicy { get set }
    var hasRetryPolicy: Bool { get }
    var cronSchedule: String { get }
    var memo: Memo { get }
    var searchAttributes: SearchAttributes { get set }
    var hasSearchAttributes: Bool { get }
    var workflowStartDelay: Google_Protobuf_Duration { get }
    var userMetadata: Temporal_Api_Sdk_V1_UserMetadata { get }
    var links: [Link] { get }
    var versioningOverride: Temporal_Api_Workflow_V1_VersioningOverride { get set }
    var hasVersioningOverride: Bool { get }
    var priority: Priority { get }
    var timeSkippingConfig: Temporal_Api_Common_V1_TimeSkippingConfig { get }
}

extension StartWorkflowExecutionRequest: WorkflowStartRequest {}
extension SignalWithStartWorkflowExecutionRequest: WorkflowStartRequest {}

extension FrontendService {
    /// Checks a start request and fills in what it leaves open, so that history finds every
    /// field decided.
    func prepareStart<Request: WorkflowStartRequest>(
        _ request: inout Request, _ call: NamespaceCall,
        conflictDefault: Temporal_Api_Enums_V1_WorkflowIdConflictPolicy
    ) throws(ServiceError) {
        try self.checkWorkflowID(request.workflowID)
        try self.checkIdentity(request.identity)
        if request.hasRetryPolicy {
            request.retryPolicy = try validRetryPolicy(request.retryPolicy)
        }
        try self.checkStartDelay(request)
        try self.checkWorkflowType(request.workflowType.name)
        request.taskQueue = try self.startTaskQueue(request.taskQueue, call)
        try self.setTimeouts(&request)
        try self.checkRequestID(request.requestID)
        if request.requestID.isEmpty { request.requestID = self.uuid() }
        try Self.setPolicies(&request, conflictDefault: conflictDefault)
        if request.hasSearchAttributes {
            request.searchAttributes = try SearchAttributeValidation(
                call.namespace, self.settings
            ).checked(request.searchAttributes)
        }
        try self.checkPriority(request.priority)
        try self.checkUserMetadata(request.userMetadata)
        try self.checkLinks(request.links)
        if request.hasVersioningOverride {
            request.versioningOverride = try validOverride(request.versioningOverride)
        }
        try self.checkBlob(request.input)
        try self.checkMemo(request.memo)
        try Self.refuseNotBuilt(request)
    }

    private func startTaskQueue(
        _ queue: TaskQueue, _ call: NamespaceCall
    ) throws(ServiceError) -> TaskQueue {
        try self.checkTaskQueueName(queue.name)
        switch call.context.role {
        case .publicFrontend:
            guard queue.name != systemTaskQueueName else { throw .taskQueueInternal }
        case .internalFrontend: break
        }
        return .with {
            $0.name = queue.name
            $0.kind = .normal
        }
    }

    private func checkStartDelay(_ request: some WorkflowStartRequest) throws(ServiceError) {
        let delay = try Self.duration(request.workflowStartDelay, "WorkflowStartDelaySeconds")
        guard request.cronSchedule.isEmpty || delay == .zero else { throw .cronAndStartDelay }
        guard !request.cronSchedule.isEmpty else { return }
        guard let schedule = CronSchedule(request.cronSchedule) else { throw .cronInvalid }
        guard schedule.next(after: self.now) != nil else {
            throw .cronNeverDue
        }
    }

    private static func duration(
        _ proto: Google_Protobuf_Duration, _ field: String
    ) throws(ServiceError) -> Duration {
        if let flaw = durationFlaw(proto) {
            throw .invalidArgument("An invalid \(field) is set on request. cause: \(flaw)")
        }
        return Duration(clamping: proto)
    }

    /// A run may not outlive its execution, nor a workflow task its run.
    private func setTimeouts(_ request: inout some WorkflowStartRequest) throws(ServiceError) {
        let execution = try Self.duration(
            request.workflowExecutionTimeout, "WorkflowExecutionTimeoutSeconds")
        var run = try Self.duration(request.workflowRunTimeout, "WorkflowRunTimeoutSeconds")
        var task = try Self.duration(request.workflowTaskTimeout, "WorkflowTaskTimeoutSeconds")
        if execution > .zero { run = run == .zero ? execution : min(run, execution) }
        if task == .zero { task = self.settings.workflowTaskTimeoutDefault }
        task = min(task, self.settings.workflowTaskTimeoutMax)
        if run > .zero { task = min(task, run) }
        // What is not limited stays unset: SDKs tell "none" from "zero".
        if execution > .zero { request.workflowExecutionTimeout = execution.proto }
        if run > .zero { request.workflowRunTimeout = run.proto }
        request.workflowTaskTimeout = task.proto
    }

    private static func setPolicies(
        _ request: inout some WorkflowStartRequest,
        conflictDefault: Temporal_Api_Enums_V1_WorkflowIdConflictPolicy
    ) throws(ServiceError) {
        switch (request.workflowIDReusePolicy, request.workflowIDConflictPolicy) {
        case (.UNRECOGNIZED(let number), _):
            throw .invalidArgument("unknown WorkflowIdReusePolicy \(number)")
        case (_, .UNRECOGNIZED(let number)):
            throw .invalidArgument("unknown WorkflowIdConflictPolicy \(number)")
        case (.terminateIfRunning, .unspecified):
            request.workflowIDReusePolicy = .allowDuplicate
            request.workflowIDConflictPolicy = .terminateExisting
        case (.terminateIfRunning, _):
            throw .terminateIfRunningWithConflictPolicy
        case (.rejectDuplicate, .terminateExisting):
            throw .rejectDuplicateWithTerminateExisting
        case (.unspecified, _), (.allowDuplicate, _), (.allowDuplicateFailedOnly, _),
            (.rejectDuplicate, _):
            break
        }
        if request.workflowIDReusePolicy == .unspecified {
            request.workflowIDReusePolicy = .allowDuplicate
        }
        if request.workflowIDConflictPolicy == .unspecified {
            request.workflowIDConflictPolicy = conflictDefault
        }
    }

    /// Options a caller would miss if they were ignored.
    private static func refuseNotBuilt(_ request: some WorkflowStartRequest) throws(ServiceError) {
        guard !request.timeSkippingConfig.enabled else {
            throw .notBuilt("time_skipping_config is")
        }
    }
}

/// `policy` with its defaults filled in.
/// - Throws: `invalidArgument` if it makes no sense.
func validRetryPolicy(_ policy: RetryPolicy) throws(ServiceError) -> RetryPolicy {
    if let flaw = policy.flaw { throw .invalidArgument(flaw) }
    return policy.withDefaults
}
