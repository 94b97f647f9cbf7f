import Primitives

/// Sees every task that reaches a worker: no attempt may be handed out twice.
// Safe because a simulation has one thread.
package final class TaskChecker: @unchecked Sendable {
    private struct Attempt: Hashable {
        let runID: String
        let id: String
        let number: Int32
    }

    /// A task that a worker was given.
    package struct HandedOut: Sendable {
        package let what: String
        /// Nil for workflow tasks.
        package let activityID: String?
        /// When the server says that it began.
        package let startedAt: Timestamp

        package init(what: String, activityID: String? = nil, startedAt: Timestamp) {
            self.what = what
            self.activityID = activityID
            self.startedAt = startedAt
        }
    }

    private var seen: Set<Attempt> = []
    private var handedOut: [String: [HandedOut]] = [:]
    /// The furthest step an activity's heartbeats were acknowledged for.
    private var progress: [Attempt: Int] = [:]
    /// How many attempts more than its policy says an activity may have, by its id.
    private var attemptsMore: [Attempt: Int32] = [:]
    /// Activities whose attempts may be counted anew, and those that may forget their heartbeat.
    private var mayCountAnew: Set<Attempt> = []
    private var mayForget: Set<Attempt> = []
    package private(set) var workflowTaskCount = 0
    package private(set) var activityTaskCount = 0

    package init() {}

    /// What workers were given of a run.
    package func handedOut(of runID: String) -> [HandedOut] { self.handedOut[runID] ?? [] }

    /// A task that brings updates may leave no trace, and the next one may then have its number:
    /// such tasks are told apart by when they were started.
    /// - Returns: what is wrong, or nil.
    package func workflowTaskArrived(
        runID: String, startedEventID: Int64, attempt: Int32, startedAt: Timestamp,
        isSpeculative: Bool = false
    ) -> String? {
        self.workflowTaskCount += 1
        self.handedOut[runID, default: []].append(
            HandedOut(what: "workflow task \(startedEventID)", startedAt: startedAt))
        let time = isSpeculative ? " at \(startedAt.nanoseconds)" : ""
        let attempt = Attempt(runID: runID, id: "started \(startedEventID)\(time)", number: attempt)
        guard !self.seen.insert(attempt).inserted else { return nil }
        return "workflow task \(startedEventID) of \(runID), attempt \(attempt.number), "
            + "was handed out twice"
    }

    /// `progress` is what the task brought as heartbeat details.
    /// - Returns: what is wrong, or nil.
    package func activityTaskArrived(
        runID: String, activityID: String, attempt number: Int32, attemptsMax: Int32,
        scheduledAt: Timestamp, startedAt: Timestamp, progress: Int
    ) -> String? {
        self.activityTaskCount += 1
        let name = "\(activityID) of \(runID), attempt \(number),"
        self.handedOut[runID, default: []].append(
            HandedOut(what: name, activityID: activityID, startedAt: startedAt))
        let activity = Self.activity(runID, activityID)
        // Counted anew, an attempt is another one only by its time.
        let id =
            self.mayCountAnew.contains(activity)
            ? "\(activityID) at \(scheduledAt)" : activityID
        guard self.seen.insert(Attempt(runID: runID, id: id, number: number)).inserted else {
            return "\(name) was handed out twice"
        }
        let more = self.attemptsMore[activity] ?? 0
        guard attemptsMax == 0 || number <= attemptsMax + more else {
            return "\(name) was handed out, of \(attemptsMax)"
        }
        let known = self.progress[activity] ?? 0
        guard progress < known else { return nil }
        guard progress == 0, self.mayForget.contains(activity) else {
            return "\(name) forgot its heartbeat: \(progress) after \(known)"
        }
        self.progress[activity] = 0
        return nil
    }

    /// The server acknowledged a heartbeat.
    package func heartbeatAcknowledged(runID: String, activityID: String, progress: Int) {
        let activity = Self.activity(runID, activityID)
        self.progress[activity] = max(self.progress[activity] ?? 0, progress)
    }

    /// An attempt that fails while its activity is paused does not count.
    package func activityIsPaused(runID: String, activityID: String) {
        self.attemptsMore[Self.activity(runID, activityID), default: 0] += 1
    }

    /// Attempts begin again at 1; with `forgetting`, without what was heartbeaten before.
    package func activityIsReset(runID: String, activityID: String, forgetting: Bool) {
        let activity = Self.activity(runID, activityID)
        self.mayCountAnew.insert(activity)
        if forgetting { self.mayForget.insert(activity) }
    }

    private static func activity(_ runID: String, _ activityID: String) -> Attempt {
        Attempt(runID: runID, id: activityID, number: 0)
    }
}
