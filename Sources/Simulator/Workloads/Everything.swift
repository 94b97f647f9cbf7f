import Primitives
import SimulatedWorld
import SimulationKernel

/// Several of the other workloads at once, in one world.
// Safe because a simulation has one thread.
package final class Everything: Workload, @unchecked Sendable {
    package static let name = "Everything"

    private static let parts: [any Workload.Type] = [
        Programs.self, Starts.self, Callbacks.self, Pauses.self, ActivityOperations.self,
        StandaloneActivities.self, Families.self, Updates.self, Resets.self,
        Authorization.self, Namespaces.self, Blunders.self,
    ]

    private let parts: [any Workload]

    package init(world: SimulatedWorld) {
        var random = world.loop.generator(for: "everything")
        let others = Self.parts.filter { _ in Int.random(in: 0..<2, using: &random) == 0 }
        let chosen = others.isEmpty ? Self.parts : others
        self.parts = chosen.map { $0.init(world: world) }
    }

    package var durationMax: Duration { self.parts.map(\.durationMax).max() ?? .zero }

    package func run() async {
        await withTaskGroup { group in
            for part in self.parts { group.addTask { await part.run() } }
        }
    }

    package func check() async {
        for part in self.parts { await part.check() }
    }

    package var counts: [(name: String, count: Int)] { self.parts.flatMap(\.counts) }
}
