import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    mutating func startTimer(
        _ attributes: Temporal_Api_Command_V1_StartTimerCommandAttributes,
        _ command: Command, _ completedEventID: Int64
    ) throws(CommandFailure) {
        let cause = WorkflowTaskFailedCause.badStartTimerAttributes
        try self.check(
            attributes.timerID, cause, missing: "TimerId is not set on StartTimerCommand.",
            tooLong: "TimerId on StartTimerCommand exceeds length limit. TimerId=")
        if let flaw = durationFlaw(attributes.startToFireTimeout) {
            throw CommandFailure(
                cause,
                "An invalid StartToFireTimeout is set on StartTimerCommand: \(flaw). TimerId=\(attributes.timerID)"
            )
        }
        let delay = Duration(clamping: attributes.startToFireTimeout)
        guard self.state.timers[attributes.timerID] == nil else {
            throw .notNow(
                .startTimerDuplicateID, "add-timer-started-event",
                "TimerID: \(attributes.timerID)")
        }
        guard self.state.timers.count < self.settings.pendingTimersMax else {
            throw CommandFailure(
                cause,
                "the number of pending timers has reached the limit of \(self.settings.pendingTimersMax)"
            )
        }
        self.append(
            .timerStarted,
            .timerStartedEventAttributes(
                .with {
                    $0.timerID = attributes.timerID
                    $0.startToFireTimeout = delay.proto
                    $0.workflowTaskCompletedEventID = completedEventID
                })
        ) { annotate(&$0, from: command) }
    }

    /// Fires a timer that is due.
    mutating func fireTimer(_ timerID: String) {
        guard let timer = self.state.timers[timerID] else { return }
        self.append(
            .timerFired,
            .timerFiredEventAttributes(
                .with {
                    $0.timerID = timerID
                    $0.startedEventID = timer.startedEventID
                }))
        self.needsWorkflowTask = true
    }
}
