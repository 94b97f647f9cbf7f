/// A kind of load: what is done over and over, and what comes before and after.
protocol Scenario: Sendable {
    /// Whether a worker is there from the beginning.
    var hasWorkerFromStart: Bool { get }
    /// Makes ready what the operations need; not measured.
    func prepare(_ load: Load) async throws
    /// One operation, which is measured; operations run at once, each with a number of its own.
    func operate(_ number: Int, _ load: Load) async throws
    /// What is measured after the operations; what it has to say, by name.
    func conclude(_ load: Load) async throws -> [String: Double]
    /// Ends what the operations left open.
    func cleanUp(_ load: Load) async
}

extension Scenario {
    var hasWorkerFromStart: Bool { true }
    func prepare(_ load: Load) async throws {}
    func conclude(_ load: Load) async throws -> [String: Double] { [:] }
    func cleanUp(_ load: Load) async {}
}

/// What a scenario has at hand.
struct Load: Sendable {
    let client: Client
    let worker: Worker
    let concurrency: Int
    let measurements: Measurements
    let watches: [ProcessWatch]
    /// Tells people how far it is.
    let say: @Sendable (String) -> Void

    /// Does `work` for each number, as many at once as there is concurrency.
    func forEach(
        _ numbers: Range<Int>, _ work: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        let upcoming = Numbers(numbers.lowerBound)
        try await withThrowingTaskGroup { group in
            for _ in 0..<min(self.concurrency, numbers.count) {
                group.addTask {
                    while true {
                        let number = upcoming.next()
                        guard numbers.contains(number) else { return }
                        try await work(number)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
