import Primitives
import TemporalAPI

extension Transition {
    /// Gives the worker that scheduled them the activities it wants to run itself.
    /// - Returns: their tasks, started in this transition.
    mutating func startEagerActivities(identity: String) -> [PollActivityTaskResponse] {
        defer { self.eagerActivities = [] }
        guard self.state.isRunning else { return [] }
        return self.eagerActivities.compactMap { id in
            // It may have been cancelled by the same worker's next command.
            guard var activity = self.state.activities[id], !activity.isStarted else { return nil }
            guard !self.state.info.hasPause else {
                self.dispatch(activity)
                return nil
            }
            activity.start(requestID: self.generator.uuid(), identity: identity, now: self.now)
            self.put(activity)
            return self.state.task(of: activity)
        }
    }
}
