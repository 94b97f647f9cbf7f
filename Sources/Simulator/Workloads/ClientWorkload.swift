import Primitives
import SimulatedWorld
import SimulationKernel

/// Somebody who does work of their own, beside others who do the same.
package protocol WorkloadClient: AnyObject, Sendable {
    init(world: SimulatedWorld, number: Int)

    /// Does the work; returns when all of it has ended.
    func run() async
}

extension ActivityClient: WorkloadClient {}
extension BlunderClient: WorkloadClient {}
extension CallbackClient: WorkloadClient {}
extension CrewClient: WorkloadClient {}
extension FamilyClient: WorkloadClient {}
extension NamespaceClient: WorkloadClient {}
extension PolicyClient: WorkloadClient {}
extension ResetClient: WorkloadClient {}
extension UpdateClient: WorkloadClient {}

/// A workload of clients that only run beside each other.
package protocol ClientWorkload: Workload {
    associatedtype Client: WorkloadClient

    /// What the number of its clients is drawn from.
    static var stream: String { get }
    static var clientsMax: Int { get }

    var world: SimulatedWorld { get }
    var clients: [Client] { get }

    init(world: SimulatedWorld, clients: [Client])
}

extension ClientWorkload {
    package init(world: SimulatedWorld) {
        var random = world.loop.generator(for: Self.stream)
        let count = Int.random(in: 1...Self.clientsMax, using: &random)
        self.init(world: world, clients: (0..<count).map { Client(world: world, number: $0) })
    }

    /// The longest wait between two attempts that began while anything went wrong.
    package var durationMax: Duration { .seconds(3_600) }

    package func run() async {
        await withTaskGroup { group in
            for client in self.clients { group.addTask { await client.run() } }
        }
    }
}
