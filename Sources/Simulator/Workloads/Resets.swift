import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Resets of open and closed runs to drawn points, and deletes.
///
/// A new run begins as the old one did and takes over what it was asked to; a deleted run leaves
/// nothing behind, and nobody else misses anything.
// Safe because a simulation has one thread.
package final class Resets: ClientWorkload, @unchecked Sendable {
    package static let name = "Resets"
    package static let stream = "resets"
    package static let clientsMax = 5

    package let world: SimulatedWorld
    package let clients: [ResetClient]

    package init(world: SimulatedWorld, clients: [ResetClient]) {
        self.world = world
        self.clients = clients
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            for runID in client.deletedRunIDs { await client.awaitGone(runID) }
            await inspector.inspect(await client.runs(), of: client.workflowID)
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "resets", count: self.clients.map(\.resetCount).reduce(0, +)),
            (name: "deletes", count: self.clients.map(\.deletedRunIDs.count).reduce(0, +)),
        ]
    }
}
