import Primitives
import SimulatedWorld
import SimulationKernel
import TemporalAPI

/// Parents with children of every kind, and signals and cancel requests between workflows.
///
/// A parent's history tells exactly how each of its children ended, what it asks of others happens
/// once, and its own end means to its children what it said.
// Safe because a simulation has one thread.
package final class Families: ClientWorkload, @unchecked Sendable {
    package static let name = "Families"
    package static let stream = "families"
    package static let clientsMax = 5

    package let world: SimulatedWorld
    package let clients: [FamilyClient]
    private var childCount = 0

    package init(world: SimulatedWorld, clients: [FamilyClient]) {
        self.world = world
        self.clients = clients
    }

    package func check() async {
        // Children that their parent never saw are closed without anybody waiting for it.
        await self.world.clock.pass(.seconds(120))
        let inspector = RunInspector(world: self.world)
        for client in self.clients {
            guard let parents = await client.runs(of: client.workflowID),
                parents.map(\.id) == client.runIDs
            else {
                self.world.fail("\(client.workflowID) has other runs than the client knows")
                continue
            }
            await inspector.inspect(parents, of: client.workflowID)
            var others: [String: [RunInspector.Run]] = [:]
            let children = client.plan.children(of: client.workflowID).map(\.id)
            for id in Set(children + client.neighbors).sorted() {
                guard let runs = await client.runs(of: id) else { continue }
                others[id] = runs
                self.childCount += runs.count
                await inspector.inspect(runs, of: id)
            }
            FamilyChecker(
                world: self.world, client: client, parent: parents.first?.events ?? [],
                others: others
            ).check()
        }
    }

    package var counts: [(name: String, count: Int)] {
        [
            (name: "parents", count: self.clients.count),
            (name: "children and neighbours", count: self.childCount),
        ]
    }
}
