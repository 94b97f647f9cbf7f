import Primitives
import SimulatedWorld
import Testing

@Suite struct TaskCheckerTests {
    @Test("An attempt is handed out once")
    func attemptsAreHandedOutOnce() {
        let checker = TaskChecker()
        #expect(checker.workflowTaskArrived(runID: "r", startedEventID: 3, attempt: 1) == nil)
        #expect(checker.workflowTaskArrived(runID: "r", startedEventID: 3, attempt: 2) == nil)
        #expect(checker.workflowTaskArrived(runID: "s", startedEventID: 3, attempt: 1) == nil)
        #expect(checker.workflowTaskArrived(runID: "r", startedEventID: 3, attempt: 1) != nil)
    }

    @Test("A task that left no trace may be followed by one with its number")
    func speculativeTasksAreToldApart() {
        let checker = TaskChecker()
        func arrived(_ second: Int64?) -> String? {
            checker.workflowTaskArrived(
                runID: "r", startedEventID: 3, attempt: 1,
                speculativeAt: second.map { Timestamp(nanoseconds: $0) })
        }
        #expect(arrived(1) == nil)
        #expect(arrived(2) == nil)
        #expect(arrived(nil) == nil)
        #expect(arrived(2) != nil)
        #expect(arrived(nil) != nil)
    }

    @Test("An attempt brings the heartbeat that was acknowledged before")
    func heartbeatsAreCarriedOver() {
        let checker = TaskChecker()
        func arrived(_ attempt: Int32, _ progress: Int) -> String? {
            checker.activityTaskArrived(
                runID: "r", activityID: "a", attempt: attempt, progress: progress)
        }
        #expect(arrived(1, 0) == nil)
        checker.heartbeatAcknowledged(runID: "r", activityID: "a", progress: 2)
        #expect(arrived(2, 2) == nil)
        #expect(arrived(3, 1) != nil)
        #expect(arrived(2, 2) != nil)
    }
}
