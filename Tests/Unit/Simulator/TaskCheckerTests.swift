import Primitives
import SimulatedWorld
import Testing

@Suite struct TaskCheckerTests {
    @Test("An attempt is handed out once")
    func attemptsAreHandedOutOnce() {
        let checker = TaskChecker()
        func arrived(_ runID: String, _ attempt: Int32) -> String? {
            checker.workflowTaskArrived(
                runID: runID, startedEventID: 3, attempt: attempt, startedAt: .epoch)
        }
        #expect(arrived("r", 1) == nil)
        #expect(arrived("r", 2) == nil)
        #expect(arrived("s", 1) == nil)
        #expect(arrived("r", 1) != nil)
        #expect(checker.handedOut(of: "r").count == 3)
    }

    @Test("An attempt brings the heartbeat that was acknowledged before")
    func heartbeatsAreCarriedOver() {
        let checker = TaskChecker()
        func arrived(_ attempt: Int32, _ progress: Int) -> String? {
            checker.activityTaskArrived(
                runID: "r", activityID: "a", attempt: attempt, startedAt: .epoch,
                progress: progress)
        }
        #expect(arrived(1, 0) == nil)
        checker.heartbeatAcknowledged(runID: "r", activityID: "a", progress: 2)
        #expect(arrived(2, 2) == nil)
        #expect(arrived(3, 1) != nil)
        #expect(arrived(2, 2) != nil)
    }
}
