import Synchronization

/// The states of the runs a worker knows; the ones not used for longest go first.
final class StateCache: Sendable {
    private struct Entries {
        var states: [String: WorkflowState] = [:]
        /// Run ids in the order they came.
        var order: [String] = []
        var first = 0
    }

    private let sizeMax: Int
    private let entries = Mutex(Entries())

    init(sizeMax: Int) { self.sizeMax = sizeMax }

    /// Takes a run's state out, so that only one task at a time works on it.
    func take(_ runID: String) -> WorkflowState? {
        self.entries.withLock { $0.states.removeValue(forKey: runID) }
    }

    func put(_ state: WorkflowState, _ runID: String) {
        self.entries.withLock { entries in
            entries.states[runID] = state
            entries.order.append(runID)
            while entries.states.count > self.sizeMax, entries.first < entries.order.count {
                entries.states[entries.order[entries.first]] = nil
                entries.first += 1
            }
            if entries.first > self.sizeMax || entries.order.count > 8 * self.sizeMax {
                let known = entries.states
                entries.order = entries.order[entries.first...].filter { known[$0] != nil }
                entries.first = 0
            }
        }
    }
}
