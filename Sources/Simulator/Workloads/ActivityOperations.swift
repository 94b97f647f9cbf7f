import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Workflows with activities that an operator pauses, resumes, resets and changes.
///
/// That only delays them: each ends as its script says, and no worker gets a paused one.
// Safe because a simulation has one thread.
package final class ActivityOperations: Workload, @unchecked Sendable {
    package static let name = "ActivityOperations"

    private let world: SimulatedWorld
    private let clients: [CrewClient]

    package init(world: SimulatedWorld) {
        self.world = world
        var random = world.loop.generator(for: "activity operations")
        self.clients = (0..<Int.random(in: 1...4, using: &random)).map {
            CrewClient(world: world, number: $0)
        }
    }

    package var durationMax: Duration { .seconds(7_200) }

    package func run() async {
        await withTaskGroup { group in
            for client in self.clients { group.addTask { await client.run() } }
        }
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            guard let run = await client.history() else { continue }
            await inspector.inspect([run], of: client.workflowID)
            client.check()
        }
    }

    package var counts: [(name: String, count: Int)] {
        let operators = self.clients.compactMap(\.activityOperator)
        return [
            (name: "crews", count: self.clients.count),
            (name: "operations", count: operators.map(\.operationCount).reduce(0, +)),
        ]
    }
}
