import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Activities without a workflow: starts under every policy, and every way to end or delete one.
// Safe because a simulation has one thread.
package final class StandaloneActivities: ClientWorkload, @unchecked Sendable {
    package static let name = "StandaloneActivities"
    package static let stream = "standalone activities"
    package static let clientsMax = 5

    package let world: SimulatedWorld
    package let clients: [ActivityClient]

    package init(world: SimulatedWorld, clients: [ActivityClient]) {
        self.world = world
        self.clients = clients
    }

    package func check() async {
        for client in self.clients { await client.check() }
    }

    package var counts: [(name: String, count: Int)] {
        let runs = self.clients.flatMap(\.runs)
        return [
            (name: "standalone activities", count: runs.count),
            (name: "deleted activities", count: runs.count { $0.isDeleted }),
        ]
    }
}
