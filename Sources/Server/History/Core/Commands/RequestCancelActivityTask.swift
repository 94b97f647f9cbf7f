import FoundationEssentials
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func requestCancelActivity(
        _ attributes: Temporal_Api_Command_V1_RequestCancelActivityTaskCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badRequestCancelActivityAttributes
        guard attributes.scheduledEventID > 0 else {
            throw CommandFailure(
                cause, "ScheduledEventId is not set on RequestCancelActivityTaskCommand.")
        }
        let activity = self.state.activities[attributes.scheduledEventID]
        // It may have ended while the worker was busy; the request is history all the same, since
        // the worker will look for it on replay.
        let isKnown =
            activity != nil || self.hasBufferedEnd(ofActivity: attributes.scheduledEventID)
        guard isKnown, activity?.cancelRequested != true else {
            throw .notNow(
                cause, "add-activitytask-cancel-requested-event",
                "ScheduledEventID: \(attributes.scheduledEventID)")
        }
        self.append(
            .activityTaskCancelRequested,
            .activityTaskCancelRequestedEventAttributes(
                .with {
                    $0.scheduledEventID = attributes.scheduledEventID
                    $0.workflowTaskCompletedEventID = completedEventID
                })
        ) { annotate(&$0, from: command) }
        guard let canceled = self.state.activities[attributes.scheduledEventID],
            canceled.startedAt == 0
        else { return }
        // No worker has it, so nobody has to agree.
        self.cancelActivity(
            canceled, details: .with { $0.payloads = [.text("ACTIVITY_ID_NOT_STARTED")] },
            by: TaskWorker(identity: self.workerIdentity))
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
