import Primitives
import SimulatedWorld
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct PauseCheckerTests {
    private static func at(_ seconds: Int64) -> Timestamp {
        Timestamp(nanoseconds: seconds * 1_000_000_000)
    }

    private static func event(_ seconds: Int64, _ edit: (inout HistoryEvent) -> Void)
        -> HistoryEvent
    {
        .with {
            $0.eventID = seconds
            $0.eventTime = Self.at(seconds).proto
            edit(&$0)
        }
    }

    private static let paused = Self.event(10) {
        $0.workflowExecutionPausedEventAttributes = .init()
    }
    private static let unpaused = Self.event(20) {
        $0.workflowExecutionUnpausedEventAttributes = .init()
    }

    /// An activity that a worker took, or that somebody completed by its id.
    private static func activityStarted(_ seconds: Int64, requestID: String) -> HistoryEvent {
        self.event(seconds) { $0.activityTaskStartedEventAttributes.requestID = requestID }
    }

    private func problems(
        _ events: [HistoryEvent], handedOutAt times: [Int64] = []
    ) -> [String] {
        PauseChecker.problems(
            in: events, of: "run",
            handedOut: times.map { .init(what: "task", startedAt: Self.at($0)) })
    }

    @Test("What was handed out before a pause, and after it, is as it should be")
    func goodHistory() {
        let events = [
            Self.paused, Self.activityStarted(9, requestID: "r"),
            Self.activityStarted(15, requestID: ""), Self.unpaused,
            Self.event(21) { $0.workflowTaskScheduledEventAttributes = .init() },
        ]
        #expect(self.problems(events, handedOutAt: [9, 10, 20, 21]) == [])
    }

    @Test("A task that is handed out during a pause is found out")
    func handedOut() {
        #expect(self.problems([Self.paused, Self.unpaused], handedOutAt: [15]).count == 1)
        #expect(self.problems([Self.paused], handedOutAt: [99]).count == 1)
        let started = Self.activityStarted(15, requestID: "r")
        #expect(self.problems([Self.paused, Self.unpaused, started]).count == 1)
    }

    @Test("A workflow task within a pause is found out")
    func workflowTask() {
        let scheduled = Self.event(15) { $0.workflowTaskScheduledEventAttributes = .init() }
        #expect(self.problems([Self.paused, scheduled, Self.unpaused]).count == 1)
    }

    @Test("Pauses begin once and end once")
    func alternation() {
        #expect(self.problems([Self.unpaused]).count == 1)
        #expect(self.problems([Self.paused, Self.paused]).count == 1)
    }
}
