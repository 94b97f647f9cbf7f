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
        let values = self.state.info.searchAttributes
        let total = values.reduce(0) { $0 + $1.key.utf8.count + $1.value.data.count }
        guard values.count <= self.settings.searchAttributeKeysMax,
            values.values.allSatisfy({ $0.data.count <= self.settings.searchAttributeValueSizeMax }
            ),
            total <= self.settings.searchAttributesTotalSizeMax
        else {
            throw CommandFailure(
                cause, "the search attributes of this run exceed the size limit",
                terminatesRun: true)
        }
    }
}
