import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func cancelTimer(
        _ attributes: Temporal_Api_Command_V1_CancelTimerCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badCancelTimerAttributes
        try self.check(
            attributes.timerID, cause, missing: "TimerId is not set on CancelTimerCommand.",
            tooLong: "TimerId on CancelTimerCommand exceeds length limit. TimerId=")
        var startedEventID = self.state.timers[attributes.timerID]?.startedEventID
        if startedEventID == nil {
            // Fired already, but the worker could not know: the firing is taken back.
            startedEventID = self.takeBackTimerFired(attributes.timerID)
        }
        guard let startedEventID else {
            throw .notNow(
                cause, "add-timer-canceled-event", "TimerID: \(attributes.timerID)")
        }
        self.append(
            .timerCanceled,
            .timerCanceledEventAttributes(
                .with {
                    $0.timerID = attributes.timerID
                    $0.startedEventID = startedEventID
                    $0.workflowTaskCompletedEventID = completedEventID
                    $0.identity = self.workerIdentity
                })
        ) { annotate(&$0, from: command) }
    }
}
