import CSimulation
import Primitives

/// Runs everything on one thread, in an order that its seed decides, under a virtual clock.
///
/// Ready jobs are picked at random. Only when none is left does time move on, at once, to the
/// earliest timer. Jobs take no virtual time: what should take some waits for a timer.
// Safe because everything here is touched by the thread that made it only; `enqueue` checks.
package final class SimulationLoop: @unchecked Sendable {
    /// How a job is to be run.
    enum Target {
        case generic
        case serial(UnownedSerialExecutor)
    }

    /// Why ``run(until:noLaterThan:jobsMax:)`` returned.
    package enum Outcome: Equatable, Sendable {
        case done
        /// Nothing is ready, no timer is set, and still not done.
        case stalled
        /// Still not done at the latest time allowed.
        case late
        /// Still not done after as many jobs as allowed.
        case exhausted
    }

    private struct ReadyJob {
        let job: UnownedJob
        let target: Target
        let incarnation: NodeIncarnation
        let number: UInt64
    }

    private enum TimerPayload {
        /// Resumes the sleeper of this number, if it still sleeps.
        case wake(UInt64)
        case call(() -> Void)
    }

    private struct Sleeper {
        let continuation: UnsafeContinuation<Void, Never>
        let incarnation: NodeIncarnation
    }

    /// What every run starts at: 2026-01-01 00:00:00 UTC.
    package static let startTime = Timestamp(nanoseconds: 1_767_225_600_000_000_000)

    package let seed: UInt64
    package private(set) var now = SimulationLoop.startTime
    package private(set) var jobCount = 0
    package private(set) var droppedCount = 0
    package private(set) var trace = RunTrace()
    /// Given each recorded event's time and text, in order.
    package var traceSink: ((Timestamp, String) -> Void)?
    /// Whose code is running; what it spawns and resumes is its own.
    package private(set) var current = NodeIncarnation.world

    private let thread = simulation_thread_id()
    private var random: SeededGenerator
    private var ready: [ReadyJob] = []
    private var timers = TimerHeap<TimerPayload>()
    private var sleepers: [UInt64: Sleeper] = [:]
    /// Timers whose sleeper was cancelled or crashed.
    private var staleTimers = 0
    private var lastNumber: UInt64 = 0
    private var lastIncarnation: Int32 = 0
    private var crashed: Set<NodeIncarnation> = []
    /// Jobs refer to executors without keeping them alive.
    private var executors: [NodeExecutor] = []

    package init(seed: UInt64) {
        self.seed = seed
        self.random = SeededGenerator(seed, Self.number(of: "scheduling"))
    }

    var isOnOwnThread: Bool { simulation_thread_id() == self.thread }

    // Parts of a run.

    /// A generator of its own for the component `name`: draws elsewhere do not shift its stream.
    package func generator(for name: String) -> SeededGenerator {
        SeededGenerator(self.seed, Self.number(of: name))
    }

    /// Begins a new life of some node.
    package func makeIncarnation() -> NodeIncarnation {
        self.lastIncarnation += 1
        return NodeIncarnation(number: self.lastIncarnation)
    }

    /// An executor for one actor, or one group of actors, of `incarnation`.
    package func makeExecutor(for incarnation: NodeIncarnation) -> NodeExecutor {
        let executor = NodeExecutor(loop: self, incarnation: incarnation)
        self.executors.append(executor)
        return executor
    }

    /// Runs `body` at once as part of `incarnation`: tasks made and continuations resumed in it
    /// belong there.
    package func run<Result>(as incarnation: NodeIncarnation, _ body: () -> Result) -> Result {
        let previous = self.current
        self.current = incarnation
        defer { self.current = previous }
        return body()
    }

    /// Calls `body` once `delay` has passed, as a part of the world: it outlives crashes.
    package func after(_ delay: Duration, _ body: @escaping () -> Void) {
        self.timers.insert(
            .call(body), at: self.now + max(delay, .zero), number: self.makeNumber())
    }

    /// Ends `incarnation`: whatever it was about to do does not happen.
    package func crash(_ incarnation: NodeIncarnation) {
        precondition(incarnation != .world, "the world does not crash")
        self.crashed.insert(incarnation)
        let readyCount = self.ready.count
        self.ready.removeAll { $0.incarnation == incarnation }
        let lost = self.sleepers.filter { $0.value.incarnation == incarnation }.keys
        for number in lost { self.sleepers[number] = nil }
        self.droppedCount += readyCount - self.ready.count + lost.count
        self.staleTimers += lost.count
    }

    package func isCrashed(_ incarnation: NodeIncarnation) -> Bool {
        self.crashed.contains(incarnation)
    }

    /// Adds something that somebody could see to the trace.
    package func record(_ text: String) {
        self.trace.happened(text, at: self.now)
        self.traceSink?(self.now, text)
    }

    // Jobs and sleepers.

    /// Takes in a job; from the runtime, by way of an executor.
    func enqueue(_ job: UnownedJob, _ target: Target, of incarnation: NodeIncarnation?) {
        guard self.isOnOwnThread else {
            fatalError("simulation leak: a job came from another thread: \(job)")
        }
        let incarnation = incarnation ?? self.current
        guard !self.crashed.contains(incarnation) else {
            self.droppedCount += 1
            return
        }
        self.ready.append(
            ReadyJob(
                job: job, target: target, incarnation: incarnation, number: self.makeNumber()))
    }

    /// A number that nothing else in this run has.
    package func makeNumber() -> UInt64 {
        self.lastNumber += 1
        return self.lastNumber
    }

    func addSleeper(
        _ number: UInt64, until deadline: Timestamp, _ continuation: UnsafeContinuation<Void, Never>
    ) {
        self.sleepers[number] = Sleeper(continuation: continuation, incarnation: self.current)
        self.timers.insert(.wake(number), at: max(deadline, self.now), number: number)
    }

    /// Wakes a sleeper before its time; does nothing if it is not asleep.
    func wake(_ number: UInt64) {
        guard let sleeper = self.sleepers.removeValue(forKey: number) else { return }
        self.staleTimers += 1
        self.resume(sleeper)
        guard self.staleTimers > 256, self.staleTimers > self.timers.count / 2 else { return }
        self.timers.filter { payload in
            guard case .wake(let number) = payload else { return true }
            return self.sleepers[number] != nil
        }
        self.staleTimers = 0
    }

    private func resume(_ sleeper: Sleeper) {
        self.run(as: sleeper.incarnation) { sleeper.continuation.resume() }
    }

    // Running.

    /// Runs until `isDone` says so, at most until `latest` and for `jobsMax` jobs.
    ///
    /// Real time, entropy, threads and sleeps end the process while this runs.
    package func run(
        until isDone: () -> Bool, noLaterThan latest: Timestamp = .distantFuture,
        jobsMax: Int = .max
    ) -> Outcome {
        precondition(self.isOnOwnThread, "a loop runs on the thread that made it")
        simulation_guard_set(SIMULATION_GUARD_ABORT)
        defer { simulation_guard_set(SIMULATION_GUARD_OFF) }
        let jobsEnd = jobsMax == .max ? Int.max : self.jobCount + jobsMax
        while !isDone() {
            if !self.ready.isEmpty {
                guard self.jobCount < jobsEnd else { return .exhausted }
                self.runOneJob()
            } else {
                guard let next = self.timers.first else { return .stalled }
                guard next.at <= latest else { return .late }
                self.fireOneTimer()
            }
        }
        return .done
    }

    private func runOneJob() {
        let count = self.ready.count
        self.ready.swapAt(Int.random(in: 0..<count, using: &self.random), count - 1)
        let next = self.ready.removeLast()
        self.jobCount += 1
        self.trace.decided(next.number ^ UInt64(count) << 40)
        self.run(as: next.incarnation) {
            switch next.target {
            case .generic: runOnGenericExecutor(next.job)
            case .serial(let executor): next.job.runSynchronously(on: executor)
            }
        }
    }

    private func fireOneTimer() {
        guard let timer = self.timers.removeFirst() else { return }
        switch timer.payload {
        case .call(let body):
            self.now = timer.at
            self.trace.decided(timer.number)
            self.run(as: .world, body)
        case .wake(let number):
            guard let sleeper = self.sleepers.removeValue(forKey: number) else {
                self.staleTimers -= 1
                return
            }
            self.now = timer.at
            self.trace.decided(number)
            self.resume(sleeper)
        }
    }

    private static func number(of name: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
