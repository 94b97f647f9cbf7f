import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func recordMarker(
        _ attributes: Temporal_Api_Command_V1_RecordMarkerCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badRecordMarkerAttributes
        try self.check(
            attributes.markerName, cause, missing: "MarkerName is not set on RecordMarkerCommand.",
            tooLong: "MarkerName on RecordMarkerCommand exceeds length limit. MarkerName=")
        try self.check(
            size: attributes.details.reduce(0) {
                $0 + $1.key.utf8.count + PayloadSize.of($1.value)
            },
            of: "RecordMarkerCommandAttributes.Details", cause)
        self.append(
            .markerRecorded,
            .markerRecordedEventAttributes(
                .with {
                    $0.markerName = attributes.markerName
                    $0.details = attributes.details
                    $0.workflowTaskCompletedEventID = completedEventID
                    if attributes.hasHeader { $0.header = attributes.header }
                    if attributes.hasFailure { $0.failure = attributes.failure }
                })
        ) { annotate(&$0, from: command) }
    }
}
