import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

typealias ContinueAsNewAttributes =
    Temporal_Api_Command_V1_ContinueAsNewWorkflowExecutionCommandAttributes

extension Transition {
    mutating func continueAsNew(
        _ attributes: ContinueAsNewAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badContinueAsNewAttributes
        try self.checkNothingUnseen()
        let next = try self.normalized(attributes)
        try self.checkBuild(
            isKept: next.inheritBuildID, on: next.taskQueue.name, "ContinueAsNew", cause)
        try self.check(
            size: size(of: next.input),
            of: "ContinueAsNewWorkflowExecutionCommandAttributes. Input", cause)
        try self.check(
            size: PayloadSize.of(next.memo.fields),
            of: "ContinueAsNewWorkflowExecutionCommandAttributes. Memo", cause,
            max: self.settings.memoSizeErrorMax)
        let runID = RunID(self.generator.uuid(at: self.now))
        let backoff = self.backoffOfNextRun(Duration(clamping: next.backoffStartInterval))
        self.append(
            .workflowExecutionContinuedAsNew,
            .workflowExecutionContinuedAsNewEventAttributes(
                .with {
                    $0.newExecutionRunID = runID.rawValue
                    $0.workflowType = next.workflowType
                    $0.taskQueue = next.taskQueue
                    if next.hasInput { $0.input = next.input }
                    $0.workflowRunTimeout = next.workflowRunTimeout
                    $0.workflowTaskTimeout = next.workflowTaskTimeout
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.backoffStartInterval = next.backoffStartInterval
                    $0.initiator = next.initiator == .unspecified ? .workflow : next.initiator
                    if next.hasFailure { $0.failure = next.failure }
                    if next.hasLastCompletionResult {
                        $0.lastCompletionResult = next.lastCompletionResult
                    }
                    if next.hasHeader { $0.header = next.header }
                    if next.hasMemo { $0.memo = next.memo }
                    if next.hasSearchAttributes { $0.searchAttributes = next.searchAttributes }
                    $0.inheritBuildID = next.inheritBuildID
                })
        ) { annotate(&$0, from: command) }
        self.successor = self.continuation(next, runID: runID, backoff: backoff)
    }

    /// The attributes with what they leave open as this run has it.
    private func normalized(
        _ attributes: ContinueAsNewAttributes
    ) throws(CommandFailure) -> ContinueAsNewAttributes {
        let cause = WorkflowTaskFailedCause.badContinueAsNewAttributes
        var next = attributes
        next.clearMemo()
        if let memo = attributes.memo.withoutNulls { next.memo = memo }
        next.clearSearchAttributes()
        if let kept = attributes.searchAttributes.withoutNulls { next.searchAttributes = kept }
        if next.workflowType.name.isEmpty { next.workflowType.name = self.state.info.workflowType }
        if next.taskQueue.name.isEmpty { next.taskQueue.name = self.state.info.taskQueue }
        next.taskQueue.kind = .normal
        guard next.workflowType.name.utf8.count <= self.settings.idLengthMax else {
            throw CommandFailure(
                cause,
                "WorkflowType on ContinueAsNewWorkflowExecutionCommand exceeds length limit. WorkflowType=\(next.workflowType.name) Length=\(next.workflowType.name.utf8.count) Limit=\(self.settings.idLengthMax)"
            )
        }
        if let flaw = self.flaw(ofTaskQueue: next.taskQueue.name) {
            throw CommandFailure(
                cause,
                "error validating ContinueAsNewWorkflowExecutionCommand TaskQueue: \(flaw). WorkflowType=\(next.workflowType.name) TaskQueue=\(next.taskQueue.name)"
            )
        }
        let names = "WorkflowType=\(next.workflowType.name) TaskQueue=\(next.taskQueue.name)"
        try self.normalizeTimeouts(of: &next, names)
        if next.hasRetryPolicy {
            if let flaw = next.retryPolicy.flaw {
                throw CommandFailure(
                    cause,
                    "invalid WorkflowRetryPolicy on ContinueAsNewWorkflowExecutionCommand: \(flaw). \(names)"
                )
            }
            next.retryPolicy = next.retryPolicy.withDefaults
        }
        guard next.cronSchedule.isEmpty || CronSchedule(next.cronSchedule) != nil else {
            throw CommandFailure(cause, "invalid CronSchedule.")
        }
        return next
    }

    private func normalizeTimeouts(
        of next: inout ContinueAsNewAttributes, _ names: String
    ) throws(CommandFailure) {
        let durations = [
            ("WorkflowRunTimeout", next.workflowRunTimeout),
            ("WorkflowTaskTimeout", next.workflowTaskTimeout),
            ("BackoffStartInterval", next.backoffStartInterval),
        ]
        for (name, duration) in durations {
            guard let flaw = durationFlaw(duration) else { continue }
            throw CommandFailure(
                .badContinueAsNewAttributes,
                "Invalid \(name) on ContinueAsNewWorkflowExecutionCommand: \(flaw). \(names)")
        }
        var run = Duration(clamping: next.workflowRunTimeout)
        var task = Duration(clamping: next.workflowTaskTimeout)
        if run == .zero { run = .nanoseconds(self.state.info.runTimeoutNs) }
        if task == .zero { task = .nanoseconds(self.state.info.taskTimeoutNs) }
        if self.state.info.executionTimeoutNs > 0 {
            run = min(
                run == .zero ? .longest : run, .nanoseconds(self.state.info.executionTimeoutNs))
        }
        task = min(task, self.settings.workflowTaskTimeoutMax)
        if run > .zero { task = min(task, run) }
        next.workflowRunTimeout = run.proto
        next.workflowTaskTimeout = task.proto
    }

    private func continuation(
        _ next: ContinueAsNewAttributes,
        runID: RunID, backoff: Duration
    ) -> NewRun {
        let info = self.state.info
        var started = Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes()
        started.workflowType = next.workflowType
        started.taskQueue = next.taskQueue
        if next.hasInput { started.input = next.input }
        started.workflowRunTimeout = next.workflowRunTimeout
        started.workflowTaskTimeout = next.workflowTaskTimeout
        started.initiator = next.initiator == .unspecified ? .workflow : next.initiator
        if next.hasFailure { started.continuedFailure = next.failure }
        if next.hasLastCompletionResult { started.lastCompletionResult = next.lastCompletionResult }
        if next.hasRetryPolicy { started.retryPolicy = next.retryPolicy }
        started.cronSchedule = next.cronSchedule
        if next.hasMemo { started.memo = next.memo }
        if next.hasSearchAttributes { started.searchAttributes = next.searchAttributes }
        if next.hasHeader { started.header = next.header }
        started.attempt = started.initiator == .retry ? info.attempt + 1 : 1
        if info.hasPriority { started.priority = info.priority }
        started.completionCallbacks = self.state.callbacksForSuccessor
        return self.successor(started, runID: runID, backoff: backoff)
    }
}
