import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func completeRun(
        _ attributes: Temporal_Api_Command_V1_CompleteWorkflowExecutionCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        try self.checkNothingUnseen()
        try self.check(
            size: size(of: attributes.result),
            of: "CompleteWorkflowExecutionCommandAttributes.Result",
            // Temporal blames an activity.
            .badScheduleActivityAttributes)
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
}
