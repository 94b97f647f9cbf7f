import Primitives
import SimulationKernel
import Testing

/// Every test runs the kernel in a process of its own.
@Suite struct KernelTests {
    private func hashOfRace(seed: UInt64) async throws -> String {
        let result = try await #require(
            processExitsWith: .success, observing: [\.standardOutputContent]
        ) { [seed = seed as UInt64] in
            let trace = KernelScenario.race(seed: seed)
            print("trace \(trace.hash) after \(trace.eventCount)")
            finish()
        }
        let output = String(decoding: result.standardOutputContent, as: UTF8.self)
        return try #require(
            output.split(separator: "\n").last { $0.hasPrefix("trace ") }.map(String.init))
    }

    @Test("One seed gives one trace, whatever the process")
    func oneSeedGivesOneTrace() async throws {
        let first = try await self.hashOfRace(seed: 7)
        let second = try await self.hashOfRace(seed: 7)
        #expect(first == second)
        #expect(first.hasSuffix("after 220"))
    }

    @Test("Different seeds give different traces")
    func differentSeedsDiffer() async throws {
        var traces: Set<String> = []
        for seed in 1...4 as ClosedRange<UInt64> {
            traces.insert(try await self.hashOfRace(seed: seed))
        }
        #expect(traces.count == 4)
    }

    @Test("Thirty days pass at once, and sleepers wake in order")
    func timePassesAtOnce() async {
        await #expect(processExitsWith: .success) {
            let loop = KernelScenario.makeLoop()
            let clock = SimulatedClock(loop)
            let (outcome, findings) = KernelScenario.run(loop) { findings in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for day in [30, 1, 7] {
                        group.addTask {
                            try await clock.sleep(.seconds(day * 86_400))
                            findings.notes.append("\(day)")
                        }
                    }
                    try await group.waitForAll()
                }
            }
            precondition(outcome == .done)
            precondition(findings.notes == ["1", "7", "30"])
            precondition(loop.now - SimulationLoop.startTime == .seconds(30 * 86_400))
            finish()
        }
    }

    @Test("Cancelling wakes a sleeper now, and a cancelled task does not sleep")
    func cancellationWakes() async {
        await #expect(processExitsWith: .success) {
            let loop = KernelScenario.makeLoop()
            let clock = SimulatedClock(loop)
            let (outcome, findings) = KernelScenario.run(loop) { findings in
                let sleeper = Task {
                    for _ in 0..<2 {
                        do {
                            try await clock.sleep(.seconds(3_600))
                        } catch is CancellationError {
                            findings.notes.append("cancelled")
                        }
                    }
                }
                try await clock.sleep(.seconds(1))
                sleeper.cancel()
                try await sleeper.value
            }
            precondition(outcome == .done)
            precondition(findings.notes == ["cancelled", "cancelled"])
            precondition(loop.now - SimulationLoop.startTime == .seconds(1))
            finish()
        }
    }

    @Test("A crash drops what its incarnation was doing, and nothing else")
    func crashDropsItsIncarnation() async {
        await #expect(processExitsWith: .success) {
            let loop = KernelScenario.makeLoop()
            let clock = SimulatedClock(loop)
            let node = loop.makeIncarnation()
            let (outcome, findings) = KernelScenario.run(loop) { findings in
                loop.run(as: node) {
                    _ = Task {
                        findings.notes.append("the node lived")
                        try await clock.sleep(.seconds(2))
                        findings.notes.append("the dead woke")
                    }
                }
                try await clock.sleep(.seconds(1))
                loop.run(as: node) { _ = Task { findings.notes.append("the dead started") } }
                loop.crash(node)
                loop.run(as: node) { _ = Task { findings.notes.append("the dead were called") } }
                try await clock.sleep(.seconds(3))
                findings.notes.append("the world went on")
            }
            precondition(outcome == .done)
            precondition(findings.notes == ["the node lived", "the world went on"])
            precondition(loop.droppedCount == 3)
            finish()
        }
    }

    @Test("Nothing left to do is a stall, a timer too late is late, too many jobs are exhausting")
    func outcomes() async {
        await #expect(processExitsWith: .success) {
            let loop = KernelScenario.makeLoop()
            let clock = SimulatedClock(loop)
            _ = Task { try await clock.sleep(.seconds(10)) }
            let soon = SimulationLoop.startTime + .seconds(5)
            precondition(loop.run(until: { false }, noLaterThan: soon) == .late)
            precondition(loop.run(until: { false }) == .stalled)
            _ = Task { while true { await Task.yield() } }
            precondition(loop.run(until: { false }, jobsMax: 100) == .exhausted)
            finish()
        }
    }

    @Test("Real time ends a simulation")
    func realTimeEndsASimulation() async throws {
        let result = try await #require(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let loop = KernelScenario.makeLoop()
            _ = Task { _ = ContinuousClock.now }
            _ = loop.run(until: { false })
            finish()
        }
        let message = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(message.contains("simulation leak"))
    }

    @Test("Real entropy ends a simulation")
    func realEntropyEndsASimulation() async throws {
        let result = try await #require(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let loop = KernelScenario.makeLoop()
            _ = Task { _ = UInt64.random(in: 0..<10) }
            _ = loop.run(until: { false })
            finish()
        }
        let message = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(message.contains("simulation leak"))
    }

    @Test("Streams of one seed are repeatable and independent of each other")
    func streamsAreIndependent() {
        let loop = SimulationLoop(seed: 3)
        var first = loop.generator(for: "store")
        var again = loop.generator(for: "store")
        var other = loop.generator(for: "network")
        let draws = (first.next(), again.next(), other.next())
        #expect(draws.0 == draws.1)
        #expect(draws.0 != draws.2)
    }
}
