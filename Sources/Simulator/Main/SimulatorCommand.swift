import ArgumentParser
import CSimulation
import Glibc
import Primitives
import SimulatedWorld
import SimulationKernel
import Workloads

/// `temporal-simulator`: one seed in this process, or many, each in a process of its own.
struct SimulatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "temporal-simulator",
        abstract: "Runs the server's services in a world made from a seed, under virtual time.")

    private static let names = Workloads.all.map { $0.name }.joined(separator: ", ")

    @Argument(help: "What to do in that world: \(Self.names).")
    var workload = Everything.name

    @Option(help: "The seed of the one run.")
    var seed: SeedNumber?

    @Option(help: "Run every seed of a range, like 1..200.")
    var seeds: SeedRange?

    @Option(help: "Run this many seeds that were probably never run before.")
    var fresh: Int?

    @Option(help: "Write what happens in the one run to this file; - is standard output.")
    var trace: String?

    @Flag(help: "Print which RPCs, commands and events the one run has used.")
    var coverage = false

    @Option(help: "Put this defect into the world; runs should fail.")
    var plant: PlantedBug?

    @Option(help: "How many of several runs happen at once.")
    var jobs: Int = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    mutating func validate() throws {
        guard Workloads.named(self.workload) != nil else {
            throw ValidationError("There is no workload \(self.workload).")
        }
        let choices = [self.seed != nil, self.seeds != nil, self.fresh != nil]
        guard choices.filter({ $0 }).count == 1 else {
            throw ValidationError("Say which runs: one of --seed, --seeds and --fresh.")
        }
        guard self.trace == nil || self.seed != nil else {
            throw ValidationError("--trace is for one run: use it with --seed.")
        }
        guard self.jobs > 0, self.fresh ?? 1 > 0 else {
            throw ValidationError("Counts are at least 1.")
        }
    }

    mutating func run() throws {
        if let seed = self.seed {
            try self.runOne(seed.value)
        } else {
            try self.runMany(self.chosenSeeds())
        }
    }

    private func chosenSeeds() -> [UInt64] {
        if let range = self.seeds { return Array(range.values) }
        var generator = SeededGenerator(simulation_real_nanoseconds(), UInt64(getpid()))
        // Short enough to be read out.
        return (0..<(self.fresh ?? 1)).map { _ in generator.next() >> 24 }
    }

    // One run.

    private func runOne(_ seed: UInt64) throws {
        guard let workload = Workloads.named(self.workload) else { return }
        print("seed \(seed) · rerun: \(self.rerunLine(seed))")
        // A run may end in a trap, and the seed must be out by then.
        fflush(nil)
        let file = try self.trace.map { try TraceFile($0) }
        let report = WorkloadRun.run(
            workload, seed: seed, plantedBug: self.plant,
            traceSink: file.map { file in { file.write($1, at: $0) } })
        file?.close()
        print(
            "virtual time \(Self.text(report.virtualTime)) · \(report.jobCount) jobs"
                + " · \(report.eventCount) events")
        print(report.counts.map { "\($0.name) \($0.count)" }.joined(separator: " · "))
        if self.coverage { for name in report.coverage { print("used \(name)") } }
        print("trace \(String(report.traceHash, radix: 16))")
        guard let failure = report.failure else { return }
        print("FAILED \(failure)")
        print("rerun: \(self.rerunLine(seed)) --trace trace.txt")
        throw ExitCode.failure
    }

    private func rerunLine(_ seed: UInt64) -> String {
        "swift run -c release temporal-simulator "
            + self.arguments(seed).joined(separator: " ")
    }

    /// The arguments of one run.
    private func arguments(_ seed: UInt64) -> [String] {
        [self.workload, "--seed", "\(seed)"] + (self.plant.map { ["--plant", $0.rawValue] } ?? [])
    }

    private static func text(_ duration: Duration) -> String {
        let (minutes, seconds) = Int(duration.components.seconds).quotientAndRemainder(
            dividingBy: 60)
        return "\(minutes / 60)h \(minutes % 60)m \(seconds)s"
    }

    // Many runs.

    private func runMany(_ seeds: [UInt64]) throws {
        print("\(self.workload), \(seeds.count) seeds, \(seeds.first ?? 0) to \(seeds.last ?? 0)")
        let startedAt = simulation_real_nanoseconds()
        var waiting = seeds[...]
        var running: [(seed: UInt64, process: ChildProcess)] = []
        var failed: [UInt64] = []
        while !waiting.isEmpty || !running.isEmpty {
            while running.count < self.jobs, let seed = waiting.popFirst() {
                let process = try ChildProcess(arguments: self.arguments(seed))
                running.append((seed, process))
            }
            ChildProcess.waitForOutput(of: running.map(\.process))
            for (seed, process) in running where process.hasEnded {
                guard process.exitStatus != 0 else { continue }
                failed.append(seed)
                print("--- seed \(seed) failed", process.output, separator: "\n")
            }
            running.removeAll { $0.process.hasEnded }
        }
        let seconds = (simulation_real_nanoseconds() - startedAt) / 1_000_000_000
        print("\(seeds.count - failed.count) of \(seeds.count) seeds passed in \(seconds) s")
        guard !failed.isEmpty else { return }
        for seed in failed.sorted() { print("FAILED \(seed) · rerun: \(self.rerunLine(seed))") }
        throw ExitCode.failure
    }
}

extension PlantedBug: ExpressibleByArgument {}
