import Synchronization

/// Workflows that are started while no worker is there; then one comes and works them off.
///
/// The operations are the starts; how long the rest takes is said beside them.
final class Backlog: Scenario {
    private static let program = Program.chain(activities: 1)
    private let started = Mutex<[Int]>([])

    var hasWorkerFromStart: Bool { false }

    func operate(_ number: Int, _ load: Load) async throws {
        try await load.client.start(number, Self.program)
        self.started.withLock { $0.append(number) }
    }

    func conclude(_ load: Load) async throws -> [String: Double] {
        let numbers = self.started.withLock { $0 }
        let begin = ContinuousClock.now
        load.say("\(numbers.count) workflows wait; a worker comes")
        let worker = Task { await load.worker.run() }
        defer { worker.cancel() }
        try await load.forEach(0..<numbers.count) { try await load.client.awaitEnd(numbers[$0]) }
        let seconds = begin.duration(to: .now).inSeconds
        return [
            "drain seconds": seconds,
            "drained workflows per second": Double(numbers.count) / max(seconds, 1e-9),
        ]
    }
}
