import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Resets of open and closed runs to drawn points, and deletes.
///
/// A new run begins as the old one did and takes over what it was asked to; a deleted run leaves
/// nothing behind, and nobody else misses anything.
// Safe because a simulation has one thread.
package final class Resets: Workload, @unchecked Sendable {
    package static let name = "Resets"

    private let world: SimulatedWorld
    private let clients: [ResetClient]

    package init(world: SimulatedWorld) {
        self.world = world
        var random = world.loop.generator(for: "resets")
        self.clients = (0..<Int.random(in: 1...5, using: &random)).map {
            ResetClient(world: world, number: $0)
        }
    }

    package var durationMax: Duration { .seconds(3_600) }

    package func run() async {
        await withTaskGroup { group in
            for client in self.clients { group.addTask { await client.run() } }
        }
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
