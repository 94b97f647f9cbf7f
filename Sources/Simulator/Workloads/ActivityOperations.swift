import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Workflows with activities that an operator pauses, resumes, resets and changes.
///
/// That only delays them: each ends as its script says, and no worker gets a paused one.
// Safe because a simulation has one thread.
package final class ActivityOperations: ClientWorkload, @unchecked Sendable {
    package static let name = "ActivityOperations"
    package static let stream = "activity operations"
    package static let clientsMax = 4

    package let world: SimulatedWorld
    package let clients: [CrewClient]

    package init(world: SimulatedWorld, clients: [CrewClient]) {
        self.world = world
        self.clients = clients
    }

    package var durationMax: Duration { .seconds(7_200) }

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
