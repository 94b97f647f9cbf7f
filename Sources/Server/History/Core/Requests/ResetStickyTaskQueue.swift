import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Lets the next workflow task of a run go to any worker.
    mutating func resetSticky(_ runID: RunID, _ call: Call, _ effects: inout [Effect]) {
        guard let run = self.openRun(runID, for: call, &effects) else { return }
        if run.state.isSticky {
            var transition = self.transition(of: run)
            transition.clearSticky()
            self.accept(transition, &effects)
        }
        self.reply(call.id, .done, seeing: run.state.key, &effects)
    }
}
