/// Calls that do nothing: what the network and gRPC alone cost on a machine, beside which the other
/// scenarios can be judged.
struct Ping: Scenario {
    var hasWorkerFromStart: Bool { false }

    func operate(_ number: Int, _ load: Load) async throws { try await load.client.ping(number) }
}
