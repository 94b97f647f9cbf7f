import Primitives
import SimulatedWorld
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct HistoryCheckerTests {
    /// Events with ids from 1 and one second between them.
    private static func history(
        _ edits: [(inout HistoryEvent) -> Void]
    ) -> [HistoryEvent] {
        edits.enumerated().map { index, edit in
            var event = HistoryEvent()
            event.eventID = Int64(index + 1)
            event.eventTime = Timestamp(nanoseconds: Int64(index + 1) * 1_000_000_000).proto
            edit(&event)
            return event
        }
    }

    /// A run that starts an activity and a timer, and completes when both are over.
    private static let good = history([
        {
            $0.eventType = .workflowExecutionStarted
            $0.workflowExecutionStartedEventAttributes = .init()
        },
        { $0.workflowTaskScheduledEventAttributes = .init() },
        { $0.workflowTaskStartedEventAttributes.scheduledEventID = 2 },
        {
            $0.workflowTaskCompletedEventAttributes.scheduledEventID = 2
            $0.workflowTaskCompletedEventAttributes.startedEventID = 3
        },
        {
            $0.activityTaskScheduledEventAttributes.activityID = "a"
            $0.activityTaskScheduledEventAttributes.workflowTaskCompletedEventID = 4
        },
        {
            $0.timerStartedEventAttributes.timerID = "t"
            $0.timerStartedEventAttributes.startToFireTimeout = Duration.seconds(2).proto
            $0.timerStartedEventAttributes.workflowTaskCompletedEventID = 4
        },
        {
            $0.activityTaskStartedEventAttributes.scheduledEventID = 5
            $0.activityTaskStartedEventAttributes.attempt = 1
        },
        {
            $0.activityTaskCompletedEventAttributes.scheduledEventID = 5
            $0.activityTaskCompletedEventAttributes.startedEventID = 7
        },
        {
            $0.timerFiredEventAttributes.timerID = "t"
            $0.timerFiredEventAttributes.startedEventID = 6
        },
        { $0.workflowExecutionSignaledEventAttributes.requestID = "r" },
        { $0.workflowTaskScheduledEventAttributes = .init() },
        { $0.workflowTaskStartedEventAttributes.scheduledEventID = 11 },
        {
            $0.workflowTaskCompletedEventAttributes.scheduledEventID = 11
            $0.workflowTaskCompletedEventAttributes.startedEventID = 12
        },
        { $0.workflowExecutionCompletedEventAttributes.workflowTaskCompletedEventID = 13 },
    ])

    @Test("A history that can be has no problems")
    func goodHistory() {
        #expect(HistoryChecker.problems(in: Self.good, of: "good") == [])
    }

    /// One thing that cannot be, planted into the good history.
    struct Plant: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let edit: @Sendable (inout [HistoryEvent]) -> Void
    }

    static let plants: [Plant] = [
        Plant(testDescription: "an event is missing") { $0.remove(at: 9) },
        Plant(testDescription: "an id comes twice") { $0[9].eventID = 9 },
        Plant(testDescription: "time goes backwards") {
            $0[9].eventTime = Timestamp(nanoseconds: 1).proto
        },
        Plant(testDescription: "the run stays open") { $0.removeLast() },
        Plant(testDescription: "something comes behind the end") { events in
            events.append(events[9])
            events[14].eventID = 15
            events[14].eventTime = events[13].eventTime
            events[14].workflowExecutionSignaledEventAttributes.requestID = "other"
        },
        Plant(testDescription: "a request is taken twice") {
            $0[10] = $0[9]
            $0[10].eventID = 11
        },
        Plant(testDescription: "a timer fires early") {
            $0[5].timerStartedEventAttributes.startToFireTimeout = Duration.seconds(4).proto
        },
        Plant(testDescription: "a timer fires that nobody started") {
            $0[8].timerFiredEventAttributes.startedEventID = 5
        },
        Plant(testDescription: "an activity closes twice") {
            $0[9] = $0[7]
            $0[9].eventID = 10
        },
        Plant(testDescription: "an activity starts twice") {
            $0[9] = $0[6]
            $0[9].eventID = 10
        },
        Plant(testDescription: "a completion names another start") {
            $0[7].activityTaskCompletedEventAttributes.startedEventID = 3
        },
        Plant(testDescription: "a command has no workflow task") {
            $0[4].activityTaskScheduledEventAttributes.workflowTaskCompletedEventID = 3
        },
        Plant(testDescription: "two workflow tasks at once") {
            $0[9].workflowTaskScheduledEventAttributes = .init()
        },
        Plant(testDescription: "a workflow task completes unstarted") {
            $0[12].workflowTaskCompletedEventAttributes.startedEventID = 3
        },
    ]

    @Test("A history that cannot be is found out", arguments: Self.plants)
    func plantIsFound(plant: Plant) {
        var events = Self.good
        plant.edit(&events)
        #expect(!HistoryChecker.problems(in: events, of: "planted").isEmpty)
    }
}
