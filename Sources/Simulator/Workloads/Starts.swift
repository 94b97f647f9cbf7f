import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Starts of the same workflow ids under every policy, and every way to end a run from outside.
// Safe because a simulation has one thread.
package final class Starts: ClientWorkload, @unchecked Sendable {
    package static let name = "Starts"
    package static let stream = "starts"
    package static let clientsMax = 6

    package let world: SimulatedWorld
    package let clients: [PolicyClient]

    package init(world: SimulatedWorld, clients: [PolicyClient]) {
        self.world = world
        self.clients = clients
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            let runs = await client.histories()
            await inspector.inspect(runs, of: client.workflowID)
            for (run, expected) in zip(runs, client.runs) {
                let end = run.events.last.flatMap { ProgramEnd($0) }
                if end != expected.end {
                    self.world.fail(
                        "\(client.workflowID) ended \(end.map { "\($0)" } ?? "nowhere") instead of "
                            + "\(expected.end.map { "\($0)" } ?? "nowhere")")
                }
            }
        }
    }

    package var counts: [(name: String, count: Int)] {
        [(name: "idlers", count: self.clients.map(\.runs.count).reduce(0, +))]
    }
}
