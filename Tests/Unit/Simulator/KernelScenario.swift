import Primitives
import SimulationKernel

/// A counter with a race in it: it reads, waits, then writes.
actor RacyCounter {
    private let executor: NodeExecutor
    private let clock: SimulatedClock
    private var value = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.executor.asUnownedSerialExecutor()
    }

    init(executor: NodeExecutor, clock: SimulatedClock) {
        self.executor = executor
        self.clock = clock
    }

    func add(after delay: Duration) async throws -> Int {
        let read = self.value
        try await self.clock.sleep(delay)
        self.value = read + 1
        return self.value
    }

    func current() -> Int { self.value }
}

/// What a scenario found out; touched by the loop's thread only.
// Safe because a simulation has one thread.
final class Findings: @unchecked Sendable {
    var done = 0
    var notes: [String] = []
}

/// Small runs of the kernel by itself.
///
/// Each needs a process of its own, because the executors of the whole process are replaced.
enum KernelScenario {
    /// Many tasks race for one actor, hash tables included; the trace is everything that happened.
    static func race(seed: UInt64) -> RunTrace {
        SimulatedExecutors.install(hashSeed: seed)
        let loop = SimulationLoop(seed: seed)
        SimulatedExecutors.use(loop)
        let clock = SimulatedClock(loop)
        let counter = RacyCounter(
            executor: loop.makeExecutor(for: loop.makeIncarnation()), clock: clock)
        let findings = Findings()
        for number in 0..<20 {
            _ = Task {
                var random = loop.generator(for: "task \(number)")
                for _ in 0..<10 {
                    let delay = Duration.milliseconds(Int.random(in: 0..<5, using: &random))
                    let value = try await counter.add(after: delay)
                    loop.record("\(number) made it \(value)")
                    await Task.yield()
                }
                let names = Set((0..<50).map { "name \($0)" })
                loop.record(names.joined(separator: ","))
                findings.done += 1
            }
        }
        let outcome = loop.run(until: { findings.done == 20 })
        precondition(outcome == .done)
        return loop.trace
    }

    /// Runs `body` as a task until it has ended.
    static func run(
        _ loop: SimulationLoop, _ body: @escaping @Sendable (Findings) async throws -> Void
    ) -> (SimulationLoop.Outcome, Findings) {
        let findings = Findings()
        _ = Task {
            do { try await body(findings) } catch { findings.notes.append("threw \(error)") }
            findings.done = 1
        }
        return (loop.run(until: { findings.done == 1 }), findings)
    }

    static func makeLoop(seed: UInt64 = 1) -> SimulationLoop {
        SimulatedExecutors.install(hashSeed: seed)
        let loop = SimulationLoop(seed: seed)
        SimulatedExecutors.use(loop)
        return loop
    }
}
