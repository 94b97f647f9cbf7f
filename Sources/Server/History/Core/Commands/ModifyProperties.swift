import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func modifyProperties(
        _ attributes: Temporal_Api_Command_V1_ModifyWorkflowPropertiesCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badModifyWorkflowPropertiesAttributes
        guard attributes.hasUpsertedMemo else {
            throw CommandFailure(
                cause, "UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.")
        }
        guard !attributes.upsertedMemo.fields.isEmpty else {
            throw CommandFailure(
                cause, "UpsertedMemo.Fields is not set on ModifyWorkflowPropertiesCommand.")
        }
        try self.check(
            size: PayloadSize.contents(attributes.upsertedMemo.fields),
            of: "ModifyWorkflowPropertiesCommandAttributes", cause)
        self.append(
            .workflowPropertiesModified,
            .workflowPropertiesModifiedEventAttributes(
                .with {
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.upsertedMemo = attributes.upsertedMemo
                })
        ) { annotate(&$0, from: command) }
        try self.check(
            size: PayloadSize.of(self.state.info.memo),
            of: "ModifyWorkflowPropertiesCommandAttributes. Memo", cause,
            max: self.settings.memoSizeErrorMax)
    }
}
