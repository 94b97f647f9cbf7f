/// Descriptions of the namespace: calls that only read, and take a role in it.
struct Describe: Scenario {
    var hasWorkerFromStart: Bool { false }

    func operate(_ number: Int, _ load: Load) async throws {
        try await load.client.describe(number)
    }
}
