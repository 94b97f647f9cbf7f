import Synchronization

/// Requests to workflows that are open all the time: `query` and `update`.
final class OpenWorkflows: Scenario {
    enum Request: Sendable { case query, update }

    private let request: Request
    private let workflowCount: Int

    /// Makes the load of requests to so many workflows, which take turns.
    init(_ request: Request, workflowCount: Int) {
        self.request = request
        self.workflowCount = workflowCount
    }

    func prepare(_ load: Load) async throws {
        try await load.forEach(0..<self.workflowCount) { number in
            try await load.client.start(number, .waiter)
            // Answered only once the first workflow task is done.
            try await load.client.query(number)
        }
    }

    func operate(_ number: Int, _ load: Load) async throws {
        let workflow = number % self.workflowCount
        switch self.request {
        case .query: try await load.client.query(workflow)
        case .update: try await load.client.update(workflow, "\(number)")
        }
    }

    func cleanUp(_ load: Load) async {
        try? await load.forEach(0..<self.workflowCount) { try? await load.client.terminate($0) }
    }
}
