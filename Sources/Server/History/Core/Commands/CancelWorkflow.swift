import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func cancelRun(
        _ attributes: Temporal_Api_Command_V1_CancelWorkflowExecutionCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        try self.checkNothingUnseen()
        self.append(
            .workflowExecutionCanceled,
            .workflowExecutionCanceledEventAttributes(
                .with {
                    $0.workflowTaskCompletedEventID = completedEventID
                    if attributes.hasDetails { $0.details = attributes.details }
                })
        ) { annotate(&$0, from: command) }
    }
}
