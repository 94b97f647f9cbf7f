import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
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
}
