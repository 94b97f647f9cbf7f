import DynamicConfig
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func upsertSearchAttributes(
        _ attributes: Temporal_Api_Command_V1_UpsertWorkflowSearchAttributesCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badSearchAttributes
        guard !attributes.searchAttributes.indexedFields.isEmpty else {
            throw CommandFailure(
                cause, "SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.")
        }
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
            throw CommandFailure(cause, "the search attributes of this run exceed the size limit")
        }
    }

    mutating func modifyProperties(
        _ attributes: Temporal_Api_Command_V1_ModifyWorkflowPropertiesCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badModifyWorkflowPropertiesAttributes
        guard attributes.hasUpsertedMemo, !attributes.upsertedMemo.fields.isEmpty else {
            throw CommandFailure(
                cause, "UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.")
        }
        self.append(
            .workflowPropertiesModified,
            .workflowPropertiesModifiedEventAttributes(
                .with {
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.upsertedMemo = attributes.upsertedMemo
                })
        ) { annotate(&$0, from: command) }
        let total = self.state.info.memo.values.reduce(0) { $0 + size(of: $1) }
        try self.check(
            size: total, of: "Memo", cause, max: self.settings.memoSizeErrorMax)
    }
}
