import Primitives
import SimulatedWorld
import SimulationKernel

/// Something to do in a world, and how to tell whether it went well.
///
/// A workload knows nothing of the faults it meets.
package protocol Workload: Sendable {
    /// What it is called on the command line.
    static var name: String { get }

    init(world: SimulatedWorld)

    /// How long it may take once nothing goes wrong any more.
    var durationMax: Duration { get }

    /// Does the work; returns when all of it has ended.
    func run() async

    /// Looks at what is left, when nothing goes wrong any more.
    func check() async

    /// What was done, for the report: a name and a number each.
    var counts: [(name: String, count: Int)] { get }
}

/// Every workload there is.
package enum Workloads {
    package static let all: [any Workload.Type] = [
        Everything.self, Programs.self, Starts.self, Callbacks.self, Pauses.self,
        ActivityOperations.self, StandaloneActivities.self, Families.self, Updates.self,
        Resets.self, Authorization.self, Namespaces.self, Blunders.self,
    ]

    package static func named(_ name: String) -> (any Workload.Type)? {
        self.all.first { $0.name == name }
    }
}
