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
        reason: String, details: Payloads?, identity: String,
        links: [Temporal_Api_Common_V1_Link] = []
    ) {
        self.endWorkflowTaskForced()
        self.append(
            .workflowExecutionTerminated,
            .workflowExecutionTerminatedEventAttributes(
                .with {
                    $0.reason = reason
                    if let details { $0.details = details }
                    $0.identity = identity
                })
        ) { $0.links = links }
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
