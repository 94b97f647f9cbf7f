import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Workflows whose workers ask for what cannot be, Nexus operations among that.
///
/// Each such answer fails its workflow task with a cause of its own, and does nothing.
// Safe because a simulation has one thread.
package final class Blunders: ClientWorkload, @unchecked Sendable {
    package static let name = "Blunders"
    package static let stream = "blunders"
    package static let clientsMax = 4

    package let world: SimulatedWorld
    package let clients: [BlunderClient]

    package init(world: SimulatedWorld, clients: [BlunderClient]) {
        self.world = world
        self.clients = clients
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            guard let run = await client.history() else { continue }
            await inspector.inspect([run], of: client.workflowID)
            client.check(run.events)
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "blunderers", count: self.clients.count),
            (name: "blunders", count: self.clients.map(\.blunders.count).reduce(0, +)),
        ]
    }
}
