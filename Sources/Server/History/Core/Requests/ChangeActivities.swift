import Primitives
import ServiceClients
import TemporalAPI

extension HistoryShard {
    /// An operator pauses, resumes, resets or changes pending activities.
    mutating func changeActivities(
        _ runID: RunID, _ selection: ActivitySelection, _ change: ActivityChange, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(runID, for: call, &effects) else { return }
        var transition = self.transition(of: run)
        let options: Temporal_Api_Activity_V1_ActivityOptions
        do throws(ServiceError) {
            options = try transition.change(selection, change)
        } catch {
            return self.refuse(call.id, error, seeing: run.state.key, &effects)
        }
        self.accept(transition, &effects)
        self.reply(call.id, .activitiesChanged(options), seeing: run.state.key, &effects)
    }
}
