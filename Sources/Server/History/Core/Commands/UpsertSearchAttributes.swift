import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func upsertSearchAttributes(
        _ attributes: Temporal_Api_Command_V1_UpsertWorkflowSearchAttributesCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badSearchAttributes
        let name = "UpsertWorkflowSearchAttributesCommand"
        guard attributes.hasSearchAttributes else {
            throw CommandFailure(cause, "SearchAttributes is not set on \(name).")
        }
        guard !attributes.searchAttributes.indexedFields.isEmpty else {
            throw CommandFailure(cause, "IndexedFields is not set on \(name).")
        }
        try self.check(
            size: PayloadSize.contents(attributes.searchAttributes.indexedFields),
            of: "UpsertWorkflowSearchAttributesCommandAttributes", cause)
        self.append(
            .upsertWorkflowSearchAttributes,
            .upsertWorkflowSearchAttributesEventAttributes(
                .with {
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.searchAttributes = attributes.searchAttributes
                })
        ) { annotate(&$0, from: command) }
        // The limits are of all that the run has now.
        let values = self.state.info.searchAttributes
        let flaw =
            values.count > self.settings.searchAttributeKeysMax
            ? "number of search attributes \(values.count) exceeds limit \(self.settings.searchAttributeKeysMax)"
            : searchAttributeSizeFlaw(
                values, valueSizeMax: self.settings.searchAttributeValueSizeMax,
                totalSizeMax: self.settings.searchAttributesTotalSizeMax)
        if let flaw { throw CommandFailure(cause, flaw, terminatesRun: true) }
    }
}
