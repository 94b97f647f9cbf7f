/// Runs the jobs of actors that live in one incarnation of a node.
///
/// Give every actor one: then each hop between actors is a decision of the seed.
package final class NodeExecutor: SerialExecutor {
    private let loop: SimulationLoop
    package let incarnation: NodeIncarnation

    init(loop: SimulationLoop, incarnation: NodeIncarnation) {
        self.loop = loop
        self.incarnation = incarnation
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        self.loop.enqueue(
            UnownedJob(job), .serial(self.asUnownedSerialExecutor()), of: self.incarnation)
    }

    // One thread runs everything, so whoever is on it excludes everybody else.
    package func checkIsolated() { precondition(self.loop.isOnOwnThread) }
    package func isIsolatingCurrentContext() -> Bool? { self.loop.isOnOwnThread }
}
