import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Updates that are accepted, rejected, forgotten and sent again, alone or with a start.
///
/// What a client is told of an update is in the history, once, and stays so; what was rejected
/// leaves no trace.
// Safe because a simulation has one thread.
package final class Updates: Workload, @unchecked Sendable {
    package static let name = "Updates"

    private let world: SimulatedWorld
    private let clients: [UpdateClient]

    package init(world: SimulatedWorld) {
        self.world = world
        var random = world.loop.generator(for: "updates")
        self.clients = (0..<Int.random(in: 1...6, using: &random)).map {
            UpdateClient(world: world, number: $0)
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
