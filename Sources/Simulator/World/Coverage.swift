import SimulationKernel
import TemporalAPI

/// Which parts of the API a run has used with success.
// Safe because a simulation has one thread.
package final class Coverage: @unchecked Sendable {
    package private(set) var rpcs: Set<String> = []
    package private(set) var commands: Set<Temporal_Api_Enums_V1_CommandType> = []
    package private(set) var events: Set<Temporal_Api_Enums_V1_EventType> = []

    package init() {}

    func used(rpc method: String) { self.rpcs.insert(method) }

    func used(_ command: Temporal_Api_Enums_V1_CommandType) { self.commands.insert(command) }

    /// These events are in a history that a client got.
    package func seen(_ events: [HistoryEvent]) {
        self.events.formUnion(events.lazy.map(\.eventType))
    }

    /// What was used, one name each, in order.
    package var names: [String] {
        self.rpcs.map { "rpc \($0)" }.sorted()
            + self.commands.map { "command \($0)" }.sorted()
            + self.events.map { "event \($0)" }.sorted()
    }
}
