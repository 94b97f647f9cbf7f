import Primitives
import SimulatedWorld
import SwiftProtobuf
import TemporalAPI
import Testing

/// A workflow that asks for what cannot be.
@Suite struct BlunderTests {
    private static let blunders: [Blunder] = [.operationOfUnknownEndpoint, .timerWithoutID]

    private static var start: HistoryEvent {
        .with {
            $0.workflowExecutionStartedEventAttributes.input = Payloads(
                text: BlundererReplay.text(Self.blunders))
        }
    }

    private static func scheduled(attempt: Int32 = 1) -> HistoryEvent {
        .with { $0.workflowTaskScheduledEventAttributes.attempt = attempt }
    }

    private static func failed(_ cause: Blunder.Cause) -> HistoryEvent {
        .with { $0.workflowTaskFailedEventAttributes.cause = cause }
    }

    private func answer(_ events: [HistoryEvent]) throws -> WorkflowTaskAnswer {
        try #require(BlundererReplay(events: [Self.start] + events)).answer(to: [])
    }

    @Test("The first attempt of a task asks, and the next one takes a breath")
    func asksOnce() throws {
        let first = try self.answer([Self.scheduled()])
        #expect(first.commands.map(\.commandType) == [.recordMarker, .scheduleNexusOperation])
        #expect(
            first.refusal == "BadScheduleNexusOperationAttributes: endpoint \"nowhere\" not found")
        // It failed for another reason, so it has to be asked again later.
        let other = Self.failed(.workflowWorkerUnhandledFailure)
        for cause in [other, Self.failed(.badScheduleNexusOperationAttributes)] {
            let second = try self.answer([Self.scheduled(), cause, Self.scheduled(attempt: 2)])
            #expect(second.commands.map(\.commandType) == [.startTimer] && second.refusal == nil)
        }
    }

    @Test("Refused for everything, it is done")
    func ends() throws {
        let events = [
            Self.scheduled(), Self.failed(.badScheduleNexusOperationAttributes),
            Self.scheduled(attempt: 2), .with { $0.timerStartedEventAttributes = .init() },
        ]
        #expect(try self.answer(events).commands.isEmpty)
        let fired = events + [.with { $0.timerFiredEventAttributes = .init() }, Self.scheduled()]
        #expect(try self.answer(fired).refusal?.hasPrefix("BadStartTimerAttributes: ") == true)
        let last = fired + [Self.failed(.badStartTimerAttributes), Self.scheduled(attempt: 2)]
        #expect(
            try self.answer(last).commands.map(\.commandType) == [.completeWorkflowExecution])
    }
}
