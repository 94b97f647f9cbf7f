import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// Removes an activity; one that is running is terminated first, for those who wait for its end.
    mutating func deleteActivity(_ runID: RunID, _ call: Call, _ effects: inout [Effect]) {
        guard let activity = self.activity(runID, for: call, &effects) else { return }
        let key = activity.state.key
        if activity.state.isRunning {
            var transition = self.transition(of: activity.state)
            transition.terminate(
                reason: "Delete activity execution", identity: "", requestID: "")
            self.accept(transition, &effects)
        }
        self.removeActivity(key, &effects)
        self.hold(.reply(call.id, .success(.done)), until: self.open.id, &effects)
    }
}
