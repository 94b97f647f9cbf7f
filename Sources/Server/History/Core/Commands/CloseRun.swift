import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    /// A run must not close over events its worker has not seen.
    func checkNothingUnseen() throws(CommandFailure) {
        guard !self.hasUnseenEvents else {
            throw CommandFailure(.unhandledCommand, "")
        }
    }

    mutating func completeRun(
        _ attributes: Temporal_Api_Command_V1_CompleteWorkflowExecutionCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        try self.checkNothingUnseen()
        try self.check(
            size: size(of: attributes.result),
            of: "CompleteWorkflowExecutionCommandAttributes.Result",
            .badCompleteWorkflowExecutionAttributes)
        let nextRunID = self.scheduleNextRun(
            result: attributes.hasResult ? attributes.result : nil, failure: nil)
        self.append(
            .workflowExecutionCompleted,
            .workflowExecutionCompletedEventAttributes(
                .with {
                    if attributes.hasResult { $0.result = attributes.result }
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.newExecutionRunID = nextRunID?.rawValue ?? ""
                })
        ) { annotate(&$0, from: command) }
    }

    mutating func failRun(
        _ attributes: Temporal_Api_Command_V1_FailWorkflowExecutionCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        try self.checkNothingUnseen()
        guard attributes.hasFailure else {
            throw CommandFailure(
                .badFailWorkflowExecutionAttributes,
                "Failure is not set on FailWorkflowExecutionCommand.")
        }
        try self.check(
            size: size(of: attributes.failure),
            of: "FailWorkflowExecutionCommandAttributes.Failure",
            .badFailWorkflowExecutionAttributes)
        let (retryState, nextRunID) = self.followFailedRun(attributes.failure)
        self.append(
            .workflowExecutionFailed,
            .workflowExecutionFailedEventAttributes(
                .with {
                    $0.failure = attributes.failure
                    $0.retryState = retryState
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.newExecutionRunID = nextRunID?.rawValue ?? ""
                })
        ) { annotate(&$0, from: command) }
    }

    mutating func cancelRun(
        _ attributes: Temporal_Api_Command_V1_CancelWorkflowExecutionCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        try self.checkNothingUnseen()
        try self.check(
            size: size(of: attributes.details),
            of: "CancelWorkflowExecutionCommandAttributes.Details",
            .badCancelWorkflowExecutionAttributes)
        self.append(
            .workflowExecutionCanceled,
            .workflowExecutionCanceledEventAttributes(
                .with {
                    $0.workflowTaskCompletedEventID = completedEventID
                    if attributes.hasDetails { $0.details = attributes.details }
                })
        ) { annotate(&$0, from: command) }
    }

    /// The run's time is up: another run if its policy or schedule has one, otherwise its end.
    mutating func timeOutRun(isExecutionTimeout: Bool) {
        var retryState = RetryState.timeout
        var nextRunID: RunID?
        if !isExecutionTimeout {
            let timeout = Failure.with {
                $0.message = "workflow timeout"
                $0.source = "Server"
                $0.timeoutFailureInfo = .with { $0.timeoutType = .startToClose }
            }
            (retryState, nextRunID) = self.followFailedRun(timeout)
        }
        self.endWorkflowTaskForced()
        self.append(
            .workflowExecutionTimedOut,
            .workflowExecutionTimedOutEventAttributes(
                .with {
                    $0.retryState = retryState
                    $0.newExecutionRunID = nextRunID?.rawValue ?? ""
                }))
    }

    mutating func terminateRun(
        reason: String, details: Payloads?, identity: String
    ) {
        self.endWorkflowTaskForced()
        self.append(
            .workflowExecutionTerminated,
            .workflowExecutionTerminatedEventAttributes(
                .with {
                    $0.reason = reason
                    if let details { $0.details = details }
                    $0.identity = identity
                }))
    }

    /// Takes a started workflow task away from its worker so that what is buffered gets into
    /// history before the run closes.
    private mutating func endWorkflowTaskForced() {
        if self.state.hasStartedWorkflowTask {
            self.failWorkflowTask(
                .forceCloseCommand, failure: nil, identity: historyServiceIdentity,
                reschedules: false)
        }
        self.flushBufferedEvents()
    }
}
