import Primitives

/// Sees every task that reaches a worker: no attempt may be handed out twice.
// Safe because a simulation has one thread.
package final class TaskChecker: @unchecked Sendable {
    private struct Attempt: Hashable {
        let runID: String
        let id: String
        let number: Int32
    }

    private var seen: Set<Attempt> = []
    /// The furthest step an activity's heartbeats were acknowledged for.
    private var progress: [Attempt: Int] = [:]
    package private(set) var workflowTaskCount = 0
    package private(set) var activityTaskCount = 0

    package init() {}

    /// A task that brings updates may leave no trace, and the next one may then have its number:
    /// such tasks are told apart by when they were started.
    /// - Returns: what is wrong, or nil.
    package func workflowTaskArrived(
        runID: String, startedEventID: Int64, attempt: Int32, speculativeAt: Timestamp? = nil
    ) -> String? {
        self.workflowTaskCount += 1
        let time = speculativeAt.map { " at \($0.nanoseconds)" } ?? ""
        let attempt = Attempt(runID: runID, id: "started \(startedEventID)\(time)", number: attempt)
        guard !self.seen.insert(attempt).inserted else { return nil }
        return "workflow task \(startedEventID) of \(runID), attempt \(attempt.number), "
            + "was handed out twice"
    }

    /// `progress` is what the task brought as heartbeat details.
    /// - Returns: what is wrong, or nil.
    package func activityTaskArrived(
        runID: String, activityID: String, attempt number: Int32, progress: Int
    ) -> String? {
        self.activityTaskCount += 1
        let attempt = Attempt(runID: runID, id: activityID, number: number)
        guard self.seen.insert(attempt).inserted else {
            return "\(activityID) of \(runID), attempt \(number), was handed out twice"
        }
        let known = self.progress[Attempt(runID: runID, id: activityID, number: 0)] ?? 0
        guard progress >= known else {
            return "\(activityID) of \(runID) forgot its heartbeat: \(progress) after \(known)"
        }
        return nil
    }

    /// The server acknowledged a heartbeat.
    package func heartbeatAcknowledged(runID: String, activityID: String, progress: Int) {
        let key = Attempt(runID: runID, id: activityID, number: 0)
        self.progress[key] = max(self.progress[key] ?? 0, progress)
    }
}
