import Primitives
import SwiftProtobuf
import TemporalAPI

/// Checks that nothing of a run is handed out while it is paused.
///
/// Knows nothing of the workload.
package struct PauseChecker {
    /// From one moment to another; both are no part of it.
    private struct Window {
        let from: Timestamp
        var to: Timestamp

        func contains(_ time: Timestamp) -> Bool { self.from < time && time < self.to }
    }

    package private(set) var problems: [String] = []
    private let name: String
    private var windows: [Window] = []
    private var isPaused = false

    /// - Parameters:
    ///   - events: a whole history.
    ///   - name: the run, for messages.
    ///   - tasks: what workers were given of that run.
    /// - Returns: what is wrong; empty if nothing is.
    package static func problems(
        in events: [HistoryEvent], of name: String, handedOut tasks: [TaskChecker.HandedOut]
    ) -> [String] {
        var checker = PauseChecker(name: name)
        for event in events { checker.check(event) }
        // The start of an activity is told of when it ends.
        for event in events { checker.checkStarted(event) }
        for task in tasks { checker.check(task.what, startedAt: task.startedAt) }
        return checker.problems
    }

    private init(name: String) { self.name = name }

    private mutating func check(_ event: HistoryEvent) {
        switch event.attributes {
        case .workflowExecutionPausedEventAttributes:
            if self.isPaused { self.fail("event \(event.eventID)", "pauses it again") }
            self.isPaused = true
            self.windows.append(Window(from: Timestamp(event.eventTime), to: .distantFuture))
        case .workflowExecutionUnpausedEventAttributes:
            if !self.isPaused { self.fail("event \(event.eventID)", "ends a pause that is none") }
            self.isPaused = false
            if let last = self.windows.indices.last {
                self.windows[last].to = Timestamp(event.eventTime)
            }
        case .workflowTaskScheduledEventAttributes, .workflowTaskStartedEventAttributes:
            if self.isPaused { self.fail("event \(event.eventID)", "is for a worker") }
        default: break
        }
    }

    private mutating func checkStarted(_ event: HistoryEvent) {
        // One that was completed by its id need not have been handed out.
        guard case .activityTaskStartedEventAttributes(let started) = event.attributes,
            !started.requestID.isEmpty
        else { return }
        self.check("event \(event.eventID)", startedAt: Timestamp(event.eventTime))
    }

    private mutating func check(_ what: String, startedAt: Timestamp) {
        if self.windows.contains(where: { $0.contains(startedAt) }) {
            self.fail(what, "was handed out")
        }
    }

    private mutating func fail(_ what: String, _ message: String) {
        self.problems.append("\(self.name) is paused, and \(what) \(message)")
    }
}
