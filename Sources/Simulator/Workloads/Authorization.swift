import Primitives
import SimulatedWorld
import SimulationKernel

/// People who call every RPC while groups, roles and tokens change, and those who know them fail.
///
/// Whoever is let in might do that within the time that answers count, whoever is denied might not,
/// and nobody outside is asked twice for the same.
// Safe because a simulation has one thread.
package final class Authorization: Workload, @unchecked Sendable {
    package static let name = "Authorization"

    private let world: SimulatedWorld
    private let authorization: SimulatedAuthorization
    private let people: [AccessCaller]
    private let editor: RuleEditor
    private var places: AccessPlaces?

    package init(world: SimulatedWorld) {
        self.world = world
        let authorization = world.requireAuthorization()
        self.authorization = authorization
        var random = world.loop.generator(for: "people")
        let catalog = RPCCatalog()
        let emails =
            (0..<Int.random(in: 2...7, using: &random)).map { "person-\($0)@example.com" }
            + ["robot@simulation.iam.gserviceaccount.com"]
        self.people = emails.map {
            AccessCaller(
                world: world, authorization: authorization, catalog: catalog, email: $0)
        }
        self.editor = RuleEditor(world: world, authorization: authorization, people: emails)
    }

    package var durationMax: Duration { .seconds(7_200) }

    package func run() async {
        let places = await self.world.registerPlaces()
        self.places = places
        await withTaskGroup { group in
            for person in self.people { group.addTask { await person.run(in: places) } }
            group.addTask { await self.editor.run() }
        }
    }

    package func check() async {
        guard let places = self.places else { return }
        await self.world.clock.pass(self.authorization.settings.ageMax + .seconds(20))
        await withTaskGroup { group in
            for person in self.people { group.addTask { await person.check(in: places) } }
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "people", count: self.people.count),
            (name: "calls", count: self.people.map(\.callCount).reduce(0, +)),
            (name: "changes of rules", count: self.editor.changeCount),
        ]
    }
}
