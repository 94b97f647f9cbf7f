import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Generated workflows: activities with retries, timers, signals, queries, continue-as-new.
///
/// Each has a client that knows its result in advance. At the end every history is looked at.
// Safe because a simulation has one thread.
package final class Programs: Workload, @unchecked Sendable {
    package static let name = "Programs"

    private let world: SimulatedWorld
    private let clients: [ScriptedClient]
    private var checkedEventCount = 0

    package init(world: SimulatedWorld) {
        self.world = world
        var random = world.loop.generator(for: "programs")
        self.clients = (0..<Int.random(in: 1...20, using: &random)).map {
            ScriptedClient(world: world, number: $0)
        }
    }

    package var durationMax: Duration {
        let longest = self.clients.map(\.program.durationMax).max() ?? .zero
        // Signals may be sent until long after the start, and retries have backed off by then.
        return longest + .seconds(3_600)
    }

    package func run() async {
        await withTaskGroup { group in
            for client in self.clients {
                group.addTask {
                    await client.run()
                    await client.awaitResult()
                }
            }
        }
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            let histories = await client.histories()
            self.checkedEventCount += histories.joined().count
            let runs = zip(client.runIDs, histories).map { RunInspector.Run(id: $0, events: $1) }
            await inspector.inspect(runs, of: client.workflowID)
            await client.queryClosed()
            client.checkSignals(histories)
            client.checkChain(histories)
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "workflows", count: self.clients.count),
            (name: "runs", count: self.clients.map(\.runIDs.count).reduce(0, +)),
            (name: "signals", count: self.clients.map(\.acknowledged.count).reduce(0, +)),
            (name: "workflow tasks", count: self.world.tasks.workflowTaskCount),
            (name: "activity tasks", count: self.world.tasks.activityTaskCount),
            (name: "checked events", count: self.checkedEventCount),
        ]
    }
}
