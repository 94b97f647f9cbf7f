import Primitives
import SimulatedWorld
import SimulationKernel

/// Namespaces that are registered, changed and taken out of use, and what is told of the cluster.
///
/// What was acknowledged of a namespace is what everybody is told of it from then on.
// Safe because a simulation has one thread.
package final class Namespaces: ClientWorkload, @unchecked Sendable {
    package static let name = "Namespaces"
    package static let stream = "namespaces"
    package static let clientsMax = 12

    package let world: SimulatedWorld
    package let clients: [NamespaceClient]

    package init(world: SimulatedWorld, clients: [NamespaceClient]) {
        self.world = world
        self.clients = clients
    }

    package func check() async {
        for client in self.clients { await client.check() }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "namespaces", count: self.clients.count),
            (name: "changes of namespaces", count: self.clients.map(\.changeCount).reduce(0, +)),
        ]
    }
}
