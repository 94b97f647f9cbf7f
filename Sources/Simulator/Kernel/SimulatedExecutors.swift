// The one file that uses the runtime's interface for replacing its executors, which is not stable.
@_spi(ExperimentalCustomExecutors) import _Concurrency
import CSimulation

/// What must happen to a process before it may run a simulation.
package enum SimulatedExecutors {
    // Safe because it is set before a loop runs, and read on the loop's thread.
    private nonisolated(unsafe) static var currentLoop: SimulationLoop?

    /// Puts the whole concurrency runtime under simulation, and makes hashing repeatable.
    ///
    /// Call it first thing in `main`: hashed collections made earlier would be lost.
    package static func install(hashSeed: UInt64) {
        guard simulation_seed_hasher(hashSeed) else {
            fatalError("this Swift runtime's hasher cannot be seeded")
        }
        _createExecutors(factory: Factory.self)
    }

    /// Where tasks go from now on.
    package static func use(_ loop: SimulationLoop) { self.currentLoop = loop }

    private static var loop: SimulationLoop {
        guard let loop = self.currentLoop else {
            fatalError("a task was made outside a simulation")
        }
        return loop
    }

    private final class Main: MainExecutor {
        func run() throws {}
        func stop() {}
        var isMainExecutor: Bool { true }
        func enqueue(_ job: consuming ExecutorJob) {
            SimulatedExecutors.loop.enqueue(
                UnownedJob(job), .serial(self.asUnownedSerialExecutor()), of: nil)
        }
    }

    private final class Default: TaskExecutor {
        func enqueue(_ job: consuming ExecutorJob) {
            SimulatedExecutors.loop.enqueue(UnownedJob(job), .generic, of: nil)
        }
    }

    private struct Factory: ExecutorFactory {
        private static let main = Main()
        private static let other = Default()
        static var mainExecutor: any MainExecutor { self.main }
        static var defaultExecutor: any TaskExecutor { self.other }
    }
}

@_silgen_name("swift_job_run")
private func runJob(_ job: UnownedJob, _ executor: UnownedSerialExecutor)

/// Runs `job` as the default executor of a real process does: on no particular serial executor.
func runOnGenericExecutor(_ job: UnownedJob) {
    // Safe because an executor reference is two words, and the generic one is two zeros.
    let generic = unsafeBitCast((0, 0), to: UnownedSerialExecutor.self)
    runJob(job, generic)
}
