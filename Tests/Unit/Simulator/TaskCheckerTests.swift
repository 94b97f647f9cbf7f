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

    /// One activity's attempts, as a worker gets them.
    private struct Activity {
        let checker = TaskChecker()
        var attemptsMax: Int32 = 0

        func arrives(_ attempt: Int32, at seconds: Int64 = 0, progress: Int = 0) -> String? {
            self.checker.activityTaskArrived(
                runID: "r", activityID: "a", attempt: attempt, attemptsMax: self.attemptsMax,
                scheduledAt: Timestamp(nanoseconds: seconds * 1_000_000_000),
                startedAt: .epoch, progress: progress)
        }
    }

    @Test("A task that left no trace may be followed by one with its number")
    func speculativeTasksAreToldApart() {
        let checker = TaskChecker()
        func arrived(_ second: Int64?) -> String? {
            checker.workflowTaskArrived(
                runID: "r", startedEventID: 3, attempt: 1,
                startedAt: Timestamp(nanoseconds: second ?? 0), isSpeculative: second != nil)
        }
        #expect(arrived(1) == nil)
        #expect(arrived(2) == nil)
        #expect(arrived(nil) == nil)
        #expect(arrived(2) != nil)
        #expect(arrived(nil) != nil)
    }

    @Test("An attempt brings the heartbeat that was acknowledged before")
    func heartbeatsAreCarriedOver() {
        let activity = Activity()
        #expect(activity.arrives(1) == nil)
        activity.checker.heartbeatAcknowledged(runID: "r", activityID: "a", progress: 2)
        #expect(activity.arrives(2, progress: 2) == nil)
        #expect(activity.arrives(3, progress: 1) != nil)
        #expect(activity.arrives(2, progress: 2) != nil)
    }

    @Test("There are no more attempts than the retry policy says, but for those of pauses")
    func attemptsAreLimited() {
        let activity = Activity(attemptsMax: 2)
        #expect(activity.arrives(2) == nil)
        #expect(activity.arrives(3) != nil)
        let paused = Activity(attemptsMax: 2)
        paused.checker.activityIsPaused(runID: "r", activityID: "a")
        #expect(paused.arrives(3) == nil)
        #expect(paused.arrives(4) != nil)
    }

    @Test("A reset lets attempts and heartbeats begin again")
    func resets() {
        let activity = Activity()
        #expect(activity.arrives(1) == nil)
        #expect(activity.arrives(1, at: 1) != nil)
        activity.checker.heartbeatAcknowledged(runID: "r", activityID: "a", progress: 2)
        activity.checker.activityIsReset(runID: "r", activityID: "a", forgetting: true)
        #expect(activity.arrives(1, at: 2, progress: 1) != nil, "forgets a part only")
        #expect(activity.arrives(1, at: 3) == nil)
        #expect(activity.arrives(1, at: 3) != nil)
    }
}
