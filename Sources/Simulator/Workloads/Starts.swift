import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Starts of the same workflow ids under every policy, and every way to end a run from outside.
// Safe because a simulation has one thread.
package final class Starts: Workload, @unchecked Sendable {
    package static let name = "Starts"

    private let world: SimulatedWorld
    private let clients: [PolicyClient]

    package init(world: SimulatedWorld) {
        self.world = world
        var random = world.loop.generator(for: "starts")
        self.clients = (0..<Int.random(in: 1...6, using: &random)).map {
            PolicyClient(world: world, number: $0)
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
