import SimulationKernel
import TemporalAPI

/// Which parts of the API a run has used with success.
// Safe because a simulation has one thread.
package final class Coverage: @unchecked Sendable {
    package private(set) var rpcs: Set<String> = []
    package private(set) var commands: Set<Temporal_Api_Enums_V1_CommandType> = []
    package private(set) var events: Set<Temporal_Api_Enums_V1_EventType> = []

    /// Which calls were let in and which were denied, by whom they came from.
    package private(set) var decisions: Set<String> = []

    package init() {}

    func used(rpc method: String) { self.rpcs.insert(method) }

    func used(_ command: Temporal_Api_Enums_V1_CommandType) { self.commands.insert(command) }

    /// Somebody was let in, or denied, because of the role they had.
    func decided(_ isLetIn: Bool, _ method: String, role: String, place: String) {
        self.decisions.insert("\(isLetIn ? "allowed" : "denied") \(method)")
        self.decisions.insert("asked \(method) by \(role) in \(place)")
    }

    /// These events are in a history that a client got.
    package func seen(_ events: [HistoryEvent]) {
        self.events.formUnion(events.lazy.map(\.eventType))
    }

    /// What was used, one name each, in order.
    package var names: [String] {
        self.rpcs.map { "rpc \($0)" }.sorted()
            + self.commands.map { "command \($0)" }.sorted()
            + self.events.map { "event \($0)" }.sorted() + self.decisions.sorted()
    }
}
