import Synchronization

/// Workflows that wait for a timer a day away: what they cost while nothing happens.
///
/// The operations are the starts. Once all of them wait, the processes are watched for a while.
final class Idle: Scenario {
    private static let observation = Duration.seconds(20)
    private let timersEach: Int
    private let started = Mutex<[Int]>([])

    init(timersEach: Int) { self.timersEach = timersEach }

    func operate(_ number: Int, _ load: Load) async throws {
        try await load.client.start(number, .timers(self.timersEach, .seconds(86_400)))
        // Answered only once the first workflow task is done and the timers are set.
        try await load.client.query(number)
        self.started.withLock { $0.append(number) }
    }

    func conclude(_ load: Load) async throws -> [String: Double] {
        let count = self.started.withLock { $0.count }
        load.say("\(count) workflows wait; watching for \(Int(Self.observation.inSeconds)) s")
        let before = load.watches.map { $0.read() }
        try await Task.sleep(for: Self.observation)
        var found = ["open workflows": Double(count), "timers": Double(count * self.timersEach)]
        for (watch, before) in zip(load.watches, before) {
            guard let before, let after = watch.read() else { continue }
            found["idle \(watch.name), % of a core"] =
                (after.cpuSeconds - before.cpuSeconds) / Self.observation.inSeconds * 100
            found["idle \(watch.name), MiB resident"] = Double(after.residentBytes) / 1_048_576
        }
        return found
    }

    func cleanUp(_ load: Load) async {
        let numbers = self.started.withLock { $0 }
        load.say("terminating \(numbers.count) workflows")
        try? await load.forEach(0..<numbers.count) { try? await load.client.terminate(numbers[$0]) }
    }
}
