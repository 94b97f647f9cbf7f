import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

typealias StartChildAttributes =
    Temporal_Api_Command_V1_StartChildWorkflowExecutionCommandAttributes

extension Transition {
    mutating func startChild(
        _ attributes: StartChildAttributes, _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badStartChildExecutionAttributes
        let namespace = try self.target(attributes.namespace, cause)
        let names =
            "WorkflowType=\(attributes.workflowType.name) Namespace=\(attributes.namespace)"
        try self.checkNames(of: attributes, names)
        var child = attributes
        child.namespace = namespace.name
        try self.normalizeTimeouts(of: &child, names)
        try self.normalizePolicies(of: &child, names)
        try self.normalizeTaskQueue(of: &child, names)
        try self.checkBuild(
            isKept: child.inheritBuildID, on: child.taskQueue.name, "StartChildWorkflowExecution",
            cause)
        try self.check(
            size: size(of: child.input), of: "StartChildWorkflowExecutionCommandAttributes. Input",
            cause)
        try self.check(
            size: PayloadSize.of(child.memo.fields),
            of: "StartChildWorkflowExecutionCommandAttributes.Memo", cause,
            max: self.settings.memoSizeErrorMax)
        try checkPending(
            self.state.children.count, self.settings.pendingChildrenMax,
            "pending child workflow executions", .pendingChildWorkflowsLimitExceeded)
        let event = self.append(
            .startChildWorkflowExecutionInitiated,
            .startChildWorkflowExecutionInitiatedEventAttributes(
                child.initiated(in: namespace.id, completedEventID))
        ) { annotate(&$0, from: command) }
        self.newChildren.insert(child.workflowID)
        self.add { $0.startChild = event.eventID }
    }

    private func checkNames(
        of attributes: StartChildAttributes, _ names: String
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badStartChildExecutionAttributes
        func refusing(_ what: String) -> CommandFailure {
            CommandFailure(cause, "\(what) WorkflowId=\(attributes.workflowID) \(names)")
        }
        guard !attributes.workflowID.isEmpty else {
            throw CommandFailure(
                cause,
                "Required field WorkflowId is not set on StartChildWorkflowExecutionCommand. \(names)"
            )
        }
        guard !attributes.workflowType.name.isEmpty else {
            throw CommandFailure(
                cause,
                "Required field WorkflowType is not set on StartChildWorkflowExecutionCommand. WorkflowId=\(attributes.workflowID) Namespace=\(attributes.namespace)"
            )
        }
        let limit = self.settings.idLengthMax
        let lengths = [
            ("Namespace", attributes.namespace.utf8.count),
            ("WorkflowId", attributes.workflowID.utf8.count),
            ("WorkflowType", attributes.workflowType.name.utf8.count),
        ]
        for (name, length) in lengths where length > limit {
            throw refusing(
                "\(name) on StartChildWorkflowExecutionCommand exceeds length limit. Length=\(length) Limit=\(limit)"
            )
        }
    }

    /// A run may not outlive its execution, nor a workflow task its run.
    private func normalizeTimeouts(
        of child: inout StartChildAttributes, _ names: String
    ) throws(CommandFailure) {
        let timeouts = [
            ("WorkflowExecutionTimeout", child.workflowExecutionTimeout),
            ("WorkflowRunTimeout", child.workflowRunTimeout),
            ("WorkflowTaskTimeout", child.workflowTaskTimeout),
        ]
        for (name, timeout) in timeouts {
            guard let flaw = durationFlaw(timeout) else { continue }
            throw CommandFailure(
                .badStartChildExecutionAttributes,
                "Invalid \(name) on StartChildWorkflowExecutionCommand: \(flaw). WorkflowId=\(child.workflowID) \(names)"
            )
        }
        let execution = Duration(clamping: child.workflowExecutionTimeout)
        var run = Duration(clamping: child.workflowRunTimeout)
        var task = Duration(clamping: child.workflowTaskTimeout)
        if execution > .zero { run = run == .zero ? execution : min(run, execution) }
        if task == .zero { task = self.settings.workflowTaskTimeoutDefault }
        task = min(task, self.settings.workflowTaskTimeoutMax)
        if run > .zero { task = min(task, run) }
        if execution > .zero { child.workflowExecutionTimeout = execution.proto }
        child.workflowRunTimeout = run.proto
        child.workflowTaskTimeout = task.proto
    }

    private func normalizePolicies(
        of child: inout StartChildAttributes, _ names: String
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badStartChildExecutionAttributes
        if child.hasRetryPolicy {
            if let flaw = child.retryPolicy.flaw {
                throw CommandFailure(
                    cause,
                    "invalid WorkflowRetryPolicy on StartChildWorkflowExecutionCommand: \(flaw). WorkflowId=\(child.workflowID) \(names)"
                )
            }
            child.retryPolicy = child.retryPolicy.withDefaults
        }
        guard
            child.cronSchedule.isEmpty
                || CronSchedule(child.cronSchedule)?.next(after: self.now) != nil
        else {
            throw CommandFailure(
                cause,
                "invalid CronSchedule on StartChildWorkflowExecutionCommand: invalid CronSchedule. WorkflowId=\(child.workflowID) \(names)"
            )
        }
        if child.hasPriority, let flaw = child.priority.flaw { throw CommandFailure(cause, flaw) }
        switch (child.parentClosePolicy, child.workflowIDReusePolicy) {
        case (.UNRECOGNIZED(let number), _):
            throw CommandFailure(cause, "unknown ParentClosePolicy \(number)")
        case (_, .UNRECOGNIZED(let number)):
            throw CommandFailure(cause, "unknown WorkflowIdReusePolicy \(number)")
        default:
            break
        }
        if child.parentClosePolicy == .unspecified { child.parentClosePolicy = .terminate }
        if child.workflowIDReusePolicy == .unspecified {
            child.workflowIDReusePolicy = .allowDuplicate
        }
    }

    private func normalizeTaskQueue(
        of child: inout StartChildAttributes, _ names: String
    ) throws(CommandFailure) {
        if child.taskQueue.name.isEmpty { child.taskQueue.name = self.state.info.taskQueue }
        child.taskQueue.kind = .normal
        if let flaw = self.flaw(ofTaskQueue: child.taskQueue.name) {
            throw CommandFailure(
                .badStartChildExecutionAttributes,
                "invalid TaskQueue on StartChildWorkflowExecutionCommand: \(flaw). WorkflowId=\(child.workflowID) \(names)"
            )
        }
    }
}

extension StartChildAttributes {
    /// The event that says the child was asked for.
    fileprivate func initiated(
        in namespaceID: NamespaceID, _ completedEventID: Int64
    ) -> ChildInitiated {
        .with {
            $0.namespace = self.namespace
            $0.namespaceID = namespaceID.rawValue
            $0.workflowID = self.workflowID
            $0.workflowType = self.workflowType
            $0.taskQueue = self.taskQueue
            if self.hasInput { $0.input = self.input }
            if self.hasWorkflowExecutionTimeout {
                $0.workflowExecutionTimeout = self.workflowExecutionTimeout
            }
            $0.workflowRunTimeout = self.workflowRunTimeout
            $0.workflowTaskTimeout = self.workflowTaskTimeout
            $0.parentClosePolicy = self.parentClosePolicy
            $0.control = self.control
            $0.workflowTaskCompletedEventID = completedEventID
            $0.workflowIDReusePolicy = self.workflowIDReusePolicy
            if self.hasRetryPolicy { $0.retryPolicy = self.retryPolicy }
            $0.cronSchedule = self.cronSchedule
            if self.hasHeader { $0.header = self.header }
            if let memo = self.memo.withoutNulls { $0.memo = memo }
            if let attributes = self.searchAttributes.withoutNulls {
                $0.searchAttributes = attributes
            }
            $0.inheritBuildID = self.inheritBuildID
            if self.hasPriority { $0.priority = self.priority }
            if self.hasVersioningOverride { $0.versioningOverride = self.versioningOverride }
        }
    }
}
