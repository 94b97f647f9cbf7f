import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Generated workflows that an operator pauses now and then, and whose options are changed.
///
/// That only delays them: each ends as its program says.
// Safe because a simulation has one thread.
package final class Pauses: Workload, @unchecked Sendable {
    package static let name = "Pauses"

    private let world: SimulatedWorld
    private let clients: [(client: ScriptedClient, operator: WorkflowOperator)]

    package init(world: SimulatedWorld) {
        self.world = world
        var random = world.loop.generator(for: "pauses")
        self.clients = (0..<Int.random(in: 1...5, using: &random)).map {
            let client = ScriptedClient(pausedIn: world, number: $0)
            return (client, WorkflowOperator(world: world, workflowID: client.workflowID))
        }
    }

    package var durationMax: Duration {
        let longest = self.clients.map(\.client.program.durationMax).max() ?? .zero
        return longest + .seconds(3_600) + WorkflowOperator.durationMax
    }

    package func run() async {
        await withTaskGroup { group in
            for (client, `operator`) in self.clients {
                group.addTask {
                    await client.run()
                    await client.awaitResult()
                }
                group.addTask { await `operator`.run() }
            }
        }
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for (client, `operator`) in self.clients {
            let histories = await client.histories()
            let runs = zip(client.runIDs, histories).map { RunInspector.Run(id: $0, events: $1) }
            await inspector.inspect(runs, of: client.workflowID)
            await client.queryClosed()
            client.checkSignals(histories)
            client.checkChain(histories)
            `operator`.check(runs)
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "workflows to pause", count: self.clients.count),
            (name: "pauses", count: self.clients.map(\.operator.pauseCount).reduce(0, +)),
        ]
    }
}
