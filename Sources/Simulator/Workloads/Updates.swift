import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Updates that are accepted, rejected, forgotten and sent again, alone or with a start.
///
/// What a client is told of an update is in the history, once, and stays so; what was rejected
/// leaves no trace.
// Safe because a simulation has one thread.
package final class Updates: ClientWorkload, @unchecked Sendable {
    package static let name = "Updates"
    package static let stream = "updates"
    package static let clientsMax = 6

    package let world: SimulatedWorld
    package let clients: [UpdateClient]

    package init(world: SimulatedWorld, clients: [UpdateClient]) {
        self.world = world
        self.clients = clients
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            guard let runs = await client.runs() else { continue }
            await inspector.inspect(runs, of: client.workflowID)
            await UpdateChecker(world: self.world, client: client, runs: runs).check()
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "updated workflows", count: self.clients.count),
            (name: "updates", count: self.clients.map(\.updates.count).reduce(0, +)),
        ]
    }
}
