import Synchronization

/// One run of a scenario: warm-up, operations, what comes after them.
struct LoadRun: Sendable {
    let scenario: any Scenario
    let load: Load
    /// Operations a second; nil for as many as the concurrency allows.
    let rate: Double?
    /// Operations in all; nil for as many as the time allows.
    let countMax: Int?
    let duration: Duration
    /// Operations before this time has passed are not measured.
    let warmUp: Duration

    struct Outcome: Sendable {
        let seconds: Double
        let usage: [Summary.Usage]
        let more: [String: Double]
    }

    func run() async throws -> Outcome {
        let worker = Task {
            if self.scenario.hasWorkerFromStart { await self.load.worker.run() }
        }
        defer { worker.cancel() }
        try await self.scenario.prepare(self.load)
        let numbers = Numbers(0)
        if self.warmUp > .zero {
            self.load.say("warming up for \(Int(self.warmUp.inSeconds)) s")
            await self.operate(numbers, until: .now + self.warmUp, countMax: nil)
        }
        let before = self.load.watches.map { $0.read() }
        let begin = ContinuousClock.now
        self.load.measurements.restart(at: begin)
        let progress = Task { await self.sayProgress(since: begin) }
        await self.operate(numbers, until: begin + self.duration, countMax: self.countMax)
        progress.cancel()
        let seconds = begin.duration(to: .now).inSeconds
        let usage = self.usage(before, seconds)
        let more = try await self.scenario.conclude(self.load)
        await self.scenario.cleanUp(self.load)
        return Outcome(seconds: seconds, usage: usage, more: more)
    }

    /// Operations until the time or their number is up; those begun come to their end.
    private func operate(
        _ numbers: Numbers, until end: ContinuousClock.Instant, countMax: Int?
    ) async {
        let begin = ContinuousClock.now
        let first = numbers.upcoming
        await withDiscardingTaskGroup { group in
            for _ in 0..<self.load.concurrency {
                group.addTask {
                    while !Task.isCancelled {
                        let number = numbers.next()
                        if let countMax, number - first >= countMax { return }
                        // With a rate, an operation has a time when it is due, and what it waits
                        // for a free place counts: a slow server does not choose what is measured.
                        var due = ContinuousClock.now
                        if let rate = self.rate {
                            due = begin + .seconds(Double(number - first) / rate)
                            try? await Task.sleep(until: due)
                        }
                        guard due < end, ContinuousClock.now < end else { return }
                        await self.operate(number, due)
                    }
                }
            }
        }
    }

    private func operate(_ number: Int, _ due: ContinuousClock.Instant) async {
        do {
            try await self.scenario.operate(number, self.load)
            let now = ContinuousClock.now
            self.load.measurements.record(due.duration(to: now), at: now)
        } catch {
            self.load.measurements.record(error, after: due.duration(to: .now))
        }
    }

    private func sayProgress(since begin: ContinuousClock.Instant) async {
        var last = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            let count = self.load.measurements.count
            let latest = self.load.measurements.course.last
            let errors = self.load.measurements.errors.values.reduce(0, +)
            let seconds = Int(begin.duration(to: .now).inSeconds)
            self.load.say(
                "\(seconds) s  \(count) done  \(count - last)/s  "
                    + "p50 \(number(latest?.p50 ?? 0, 1)) ms  p99 \(number(latest?.p99 ?? 0, 1)) ms"
                    + "  errors \(errors)")
            last = count
        }
    }

    private func usage(_ before: [ProcessWatch.Reading?], _ seconds: Double) -> [Summary.Usage] {
        let count = max(1, self.load.measurements.count)
        return zip(self.load.watches, before).compactMap { watch, before in
            guard let before, let after = watch.read() else { return nil }
            let used = after.cpuSeconds - before.cpuSeconds
            return Summary.Usage(
                name: watch.name, cpuSeconds: used, cpuPerOperation: used * 1_000 / Double(count),
                coreShare: used / max(seconds, 1e-9),
                residentMiB: Double(after.residentBytes) / 1_048_576)
        }
    }
}

/// Hands out numbers, each once.
final class Numbers: Sendable {
    private let value: Atomic<Int>

    init(_ first: Int) { self.value = Atomic(first) }

    var upcoming: Int { self.value.load(ordering: .relaxed) }

    func next() -> Int { self.value.add(1, ordering: .relaxed).oldValue }
}
