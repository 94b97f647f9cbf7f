import Primitives
import SimulatedWorld
import SimulationKernel

/// One run of one workload from one seed.
package struct WorkloadRun {
    /// How a run ended.
    package struct Report: Sendable {
        /// What went wrong; nil if nothing did.
        package let failure: String?
        package let virtualTime: Duration
        package let jobCount: Int
        package let traceHash: UInt64
        package let eventCount: Int
        /// What was done and which rare places were reached, by name.
        package let counts: [(name: String, count: Int)]
        /// Which RPCs, commands and events it used, by name.
        package let coverage: [String]
    }

    private enum Phase { case running, checking, forgetting, done }

    // Safe because a simulation has one thread.
    private final class Progress: @unchecked Sendable {
        var phase = Phase.running
    }

    /// Jobs without a pause that no run of this size can need.
    private static let jobsMax = 50_000_000

    /// Runs `workload` in a world made from `seed`; call it once in a process.
    ///
    /// - Parameters:
    ///   - workload: what to do.
    ///   - seed: what everything is drawn from.
    ///   - plantedBug: a defect to put into the world, which the run should find.
    ///   - traceSink: given every recorded event.
    /// - Returns: how it ended.
    package static func run(
        _ workload: any Workload.Type, seed: UInt64, plantedBug: PlantedBug? = nil,
        traceSink: ((Timestamp, String) -> Void)? = nil
    ) -> Report {
        let loop = SimulationLoop(seed: seed)
        loop.traceSink = traceSink
        SimulatedExecutors.use(loop)
        let world = SimulatedWorld(loop, plantedBug: plantedBug)
        let workload = workload.init(world: world)
        let progress = Progress()
        world.start()
        _ = Task {
            await world.open()
            await workload.run()
            let left = world.plan.endsAt - loop.now
            await world.clock.pass(max(left, .zero))
            progress.phase = .checking
            await workload.check()
            progress.phase = .forgetting
            await world.outliveRetention()
            progress.phase = .done
        }
        var latest = world.plan.endsAt + workload.durationMax
        var outcome = loop.run(
            until: { progress.phase == .forgetting || world.failure != nil }, noLaterThan: latest,
            jobsMax: Self.jobsMax)
        if outcome == .done, world.failure == nil {
            latest = loop.now + SimulatedWorld.retention * 2
            outcome = loop.run(
                until: { progress.phase == .done || world.failure != nil }, noLaterThan: latest,
                jobsMax: Self.jobsMax)
        }
        return Self.report(on: world, workload, outcome)
    }

    private static func report(
        on world: SimulatedWorld, _ workload: any Workload, _ outcome: SimulationLoop.Outcome
    ) -> Report {
        let loop = world.loop
        let failure: String? =
            switch outcome {
            case .done: world.failure
            case .stalled: "nothing is left to happen, and the work is not done"
            case .late: "faults ended long ago, and the work is not done"
            case .exhausted: "the work is not done after \(Self.jobsMax) jobs"
            }
        let counts =
            workload.counts + [
                (name: "store commits", count: world.storeCommitCount),
                (name: "store reads", count: world.storeReadCount),
                (name: "dropped jobs", count: loop.droppedCount),
            ] + world.marks.sorted.map { (name: $0.mark, count: $0.count) }
        return Report(
            failure: failure, virtualTime: loop.now - SimulationLoop.startTime,
            jobCount: loop.jobCount, traceHash: loop.trace.hash,
            eventCount: loop.trace.eventCount, counts: counts,
            coverage: world.coverage.names)
    }
}
