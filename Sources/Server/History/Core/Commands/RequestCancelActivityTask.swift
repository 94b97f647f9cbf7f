import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func requestCancelActivity(
        _ attributes: Temporal_Api_Command_V1_RequestCancelActivityTaskCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badRequestCancelActivityAttributes
        guard attributes.scheduledEventID > 0 else {
            throw CommandFailure(cause, "ScheduledEventId is not set on RequestCancelActivityTaskCommand.")
        }
        guard let activity = self.state.activities[attributes.scheduledEventID] else {
            // It may have ended while the worker was busy; then its end waits in the buffer.
            if attributes.scheduledEventID < self.state.info.nextEventID { return }
            throw CommandFailure(
                cause, "Activity \(attributes.scheduledEventID) is not known to this run.")
        }
        guard !activity.cancelRequested else { return }
        let event = self.append(
            .activityTaskCancelRequested,
            .activityTaskCancelRequestedEventAttributes(
                .with {
                    $0.scheduledEventID = activity.scheduledEventID
                    $0.workflowTaskCompletedEventID = completedEventID
                })
        ) { annotate(&$0, from: command) }
        guard activity.startedAt == 0, var canceled = self.state.activities[activity.scheduledEventID]
        else { return }
        // No worker has it, so nobody has to agree.
        canceled.cancelRequestedEventID = event.eventID
        self.put(canceled)
        self.cancelActivity(
            canceled, details: .with { $0.payloads = [.text("ACTIVITY_ID_NOT_STARTED")] },
            identity: historyServiceIdentity)
    }
}

extension Temporal_Api_Common_V1_Payload {
    /// A string as every SDK reads it.
    static func text(_ text: String) -> Self {
        .with {
            $0.metadata["encoding"] = .init("json/plain".utf8)
            $0.data = .init("\"\(text)\"".utf8)
        }
    }
}
