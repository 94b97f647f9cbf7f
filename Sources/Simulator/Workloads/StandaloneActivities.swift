import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Activities without a workflow: starts under every policy, and every way to end or delete one.
// Safe because a simulation has one thread.
package final class StandaloneActivities: Workload, @unchecked Sendable {
    package static let name = "StandaloneActivities"

    private let clients: [ActivityClient]

    package init(world: SimulatedWorld) {
        var random = world.loop.generator(for: "standalone activities")
        self.clients = (0..<Int.random(in: 1...5, using: &random)).map {
            ActivityClient(world: world, number: $0)
        }
    }

    package var durationMax: Duration { .seconds(3_600) }

    package func run() async {
        await withTaskGroup { group in
            for client in self.clients { group.addTask { await client.run() } }
        }
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
