import Primitives
import SwiftProtobuf
import TemporalAPI

/// Something that no server can do, however well it is asked for.
package enum Blunder: Int, CaseIterable, Sendable {
    case operationOfUnknownEndpoint
    case operationWithoutAttributes
    case cancelOfUnknownOperation
    case timerWithoutID
    case cancelOfUnknownTimer
    case markerWithoutName
    case activityWithoutType
    case cancelOfUnknownActivity
    case signalToNobody

    private static let endpoint = "nowhere"
    private static let unknownID: Int64 = 4_711

    package typealias Cause = Temporal_Api_Enums_V1_WorkflowTaskFailedCause

    /// Why the workflow task fails.
    package var cause: Cause {
        switch self {
        case .operationOfUnknownEndpoint, .operationWithoutAttributes:
            .badScheduleNexusOperationAttributes
        case .cancelOfUnknownOperation: .badRequestCancelNexusOperationAttributes
        case .timerWithoutID: .badStartTimerAttributes
        case .cancelOfUnknownTimer: .badCancelTimerAttributes
        case .markerWithoutName: .badRecordMarkerAttributes
        case .activityWithoutType: .badScheduleActivityAttributes
        case .cancelOfUnknownActivity: .badRequestCancelActivityAttributes
        case .signalToNobody: .badSignalWorkflowExecutionAttributes
        }
    }

    /// What the worker and the history are told; how it begins, where the rest is about the run.
    package var message: String {
        let name = "\(self.cause)"
        let cause = name.prefix(1).uppercased() + name.dropFirst()
        let rest =
            switch self {
            case .operationOfUnknownEndpoint: "endpoint \"\(Self.endpoint)\" not found"
            case .operationWithoutAttributes: "empty ScheduleNexusOperationCommandAttributes"
            case .cancelOfUnknownOperation:
                "requested cancelation for a non-existing or already completed operation "
                    + "with scheduled event ID of \(Self.unknownID)"
            case .timerWithoutID: "TimerId is not set on StartTimerCommand."
            case .markerWithoutName: "MarkerName is not set on RecordMarkerCommand."
            case .cancelOfUnknownTimer, .activityWithoutType, .cancelOfUnknownActivity,
                .signalToNobody:
                ""
            }
        return "\(cause): \(rest)"
    }

    var command: Command {
        .with {
            switch self {
            case .operationOfUnknownEndpoint:
                $0.commandType = .scheduleNexusOperation
                $0.scheduleNexusOperationCommandAttributes.endpoint = Self.endpoint
                $0.scheduleNexusOperationCommandAttributes.service = "service"
                $0.scheduleNexusOperationCommandAttributes.operation = "operation"
            case .operationWithoutAttributes: $0.commandType = .scheduleNexusOperation
            case .cancelOfUnknownOperation:
                $0.commandType = .requestCancelNexusOperation
                $0.requestCancelNexusOperationCommandAttributes.scheduledEventID = Self.unknownID
            case .timerWithoutID:
                $0.commandType = .startTimer
                $0.startTimerCommandAttributes.startToFireTimeout = Duration.seconds(1).proto
            case .cancelOfUnknownTimer:
                $0.commandType = .cancelTimer
                $0.cancelTimerCommandAttributes.timerID = "unknown"
            case .markerWithoutName:
                $0.commandType = .recordMarker
                $0.recordMarkerCommandAttributes = .init()
            case .activityWithoutType:
                $0.commandType = .scheduleActivityTask
                $0.scheduleActivityTaskCommandAttributes.activityID = "typeless"
                $0.scheduleActivityTaskCommandAttributes.startToCloseTimeout =
                    Duration.seconds(1).proto
            case .cancelOfUnknownActivity:
                $0.commandType = .requestCancelActivityTask
                $0.requestCancelActivityTaskCommandAttributes.scheduledEventID = Self.unknownID
            case .signalToNobody:
                $0.commandType = .signalExternalWorkflowExecution
                $0.signalExternalWorkflowExecutionCommandAttributes.signalName = "hello"
            }
        }
    }
}

/// A workflow that asks for one impossible thing after the other, and does without each.
package struct BlundererReplay: WorkflowReplay {
    /// What must not come about, as it is asked for together with a blunder.
    static let besides = "besides"

    private let blunders: [Blunder]
    /// How many have been refused.
    private var refusedCount = 0
    private var timersStarted = 0
    private var timersFired = 0
    /// Which attempt of its workflow task this is.
    private var attempt: Int32 = 1

    package init?(events: [HistoryEvent]) {
        guard let start = events.first?.start else { return nil }
        self.blunders = Self.blunders(start.input.text)
        for event in events {
            switch event.attributes {
            case .workflowTaskScheduledEventAttributes(let scheduled):
                self.attempt = scheduled.attempt
            case .workflowTaskFailedEventAttributes(let failed):
                guard self.refusedCount < self.blunders.count,
                    failed.cause == self.blunders[self.refusedCount].cause
                else { continue }
                self.refusedCount += 1
            case .timerStartedEventAttributes: self.timersStarted += 1
            case .timerFiredEventAttributes: self.timersFired += 1
            default: break
            }
        }
    }

    package static func text(_ blunders: [Blunder]) -> String {
        blunders.map { "\($0.rawValue)" }.joined(separator: " ")
    }

    private static func blunders(_ text: String) -> [Blunder] {
        text.split(separator: " ").compactMap { Int($0) }.compactMap(Blunder.init)
    }

    var queryAnswer: String { "\(self.refusedCount)" }

    func commands() -> [Command] { self.answer(to: []).commands }

    package func answer(to messages: [ProtocolMessage]) -> WorkflowTaskAnswer {
        guard self.timersStarted == self.timersFired else { return WorkflowTaskAnswer() }
        guard self.refusedCount < self.blunders.count else {
            return WorkflowTaskAnswer(
                commands: [
                    .with {
                        $0.commandType = .completeWorkflowExecution
                        $0.completeWorkflowExecutionCommandAttributes.result = Payloads(
                            text: "\(self.refusedCount)")
                    }
                ])
        }
        // Only the first attempt of a task leaves its failure in the history.
        guard self.attempt == 1 else {
            return WorkflowTaskAnswer(
                commands: [
                    .with {
                        $0.commandType = .startTimer
                        $0.startTimerCommandAttributes.timerID = "breath \(self.timersStarted)"
                        $0.startTimerCommandAttributes.startToFireTimeout =
                            Duration.milliseconds(10).proto
                    }
                ])
        }
        let blunder = self.blunders[self.refusedCount]
        let besides = Command.with {
            $0.commandType = .recordMarker
            $0.recordMarkerCommandAttributes.markerName = Self.besides
        }
        return WorkflowTaskAnswer(
            commands: [besides, blunder.command], refusal: blunder.message)
    }
}
