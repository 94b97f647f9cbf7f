import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Workflows with completion callbacks, whose receivers fail, are slow or answer to nobody.
///
/// Everybody who asked is told at least once, of the end that came about, and never before it.
// Safe because a simulation has one thread.
package final class Callbacks: ClientWorkload, @unchecked Sendable {
    package static let name = "Callbacks"
    package static let stream = "callbacks"
    package static let clientsMax = 10

    package let world: SimulatedWorld
    package let clients: [CallbackClient]

    package init(world: SimulatedWorld, clients: [CallbackClient]) {
        self.world = world
        self.clients = clients
    }

    package func check() async {
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            guard let run = await client.history(), let last = run.events.last else { continue }
            await inspector.inspect([run], of: client.workflowID)
            for url in client.urls {
                let received = self.world.receiver.received[url] ?? []
                if received.isEmpty { self.world.fail("\(url) was not told, and is said to be") }
                if received.contains(where: { $0.state != client.expectedState }) {
                    self.world.fail("\(url) was told of another end")
                }
                if received.contains(where: { $0.at < Timestamp(last.eventTime) }) {
                    self.world.fail("\(url) was told of an end that had not come")
                }
            }
        }
        let known = Set(self.clients.flatMap(\.urls))
        for url in self.world.receiver.received.keys.sorted() where !known.contains(url) {
            self.world.fail("\(url) was told, and never asked")
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "watched workflows", count: self.clients.count),
            (name: "callbacks", count: self.clients.map(\.urls.count).reduce(0, +)),
            (name: "completions received", count: self.world.receiver.totalCount),
        ]
    }
}
