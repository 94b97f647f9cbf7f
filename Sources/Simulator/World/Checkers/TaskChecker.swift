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
        /// When the server says that it began.
        package let startedAt: Timestamp

        package init(what: String, startedAt: Timestamp) {
            self.what = what
            self.startedAt = startedAt
        }
    }

    private var seen: Set<Attempt> = []
    private var handedOut: [String: [HandedOut]] = [:]
    /// The furthest step an activity's heartbeats were acknowledged for.
    private var progress: [Attempt: Int] = [:]
    package private(set) var workflowTaskCount = 0
    package private(set) var activityTaskCount = 0

    package init() {}

    /// What workers were given of a run.
    package func handedOut(of runID: String) -> [HandedOut] { self.handedOut[runID] ?? [] }

    /// - Returns: what is wrong, or nil.
    package func workflowTaskArrived(
        runID: String, startedEventID: Int64, attempt: Int32, startedAt: Timestamp
    ) -> String? {
        self.workflowTaskCount += 1
        self.handedOut[runID, default: []].append(
            HandedOut(what: "workflow task \(startedEventID)", startedAt: startedAt))
        let attempt = Attempt(runID: runID, id: "started \(startedEventID)", number: attempt)
        guard !self.seen.insert(attempt).inserted else { return nil }
        return "workflow task \(startedEventID) of \(runID), attempt \(attempt.number), "
            + "was handed out twice"
    }

    /// `progress` is what the task brought as heartbeat details.
    /// - Returns: what is wrong, or nil.
    package func activityTaskArrived(
        runID: String, activityID: String, attempt number: Int32, startedAt: Timestamp,
        progress: Int
    ) -> String? {
        self.activityTaskCount += 1
        self.handedOut[runID, default: []].append(
            HandedOut(what: "\(activityID), attempt \(number),", startedAt: startedAt))
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
