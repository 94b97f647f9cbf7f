/// Workflows from their start to their end: `simple`, `chain`, `fanout`, `timer`, `signal`.
///
/// The latency is the time from the start request to the news of the end.
struct WholeWorkflows: Scenario {
    let program: Program
    /// Signals the client sends once the workflow has started.
    var signalCount = 0

    func operate(_ number: Int, _ load: Load) async throws {
        try await load.client.start(number, self.program)
        for _ in 0..<self.signalCount { try await load.client.signal(number) }
        try await load.client.awaitEnd(number)
    }
}
