import Frontend
import GRPCCore
import Primitives
import SwiftProtobuf
import TemporalAPI

/// The `grpc.health.v1` service of one listener.
package struct HealthService: Sendable {
    private static let name = "grpc.health.v1.Health"
    private static let check = RPCName(service: name, method: "Check")
    private static let list = RPCName(service: name, method: "List")
    private static let watch = RPCName(service: name, method: "Watch")
    static let rpcs: Set<RPCName> = [check, list, watch]

    private let status: HealthStatus
    /// What callers may ask for; the empty name is the whole process.
    private let services: Set<String>

    package init(status: HealthStatus, services: Set<String>) {
        self.status = status
        self.services = services.union([""])
    }

    private typealias CheckRequest = Grpc_Health_V1_HealthCheckRequest
    private typealias CheckResponse = Grpc_Health_V1_HealthCheckResponse
    private typealias ListRequest = Grpc_Health_V1_HealthListRequest
    private typealias ListResponse = Grpc_Health_V1_HealthListResponse

    private func response(_ state: HealthStatus.State) -> CheckResponse {
        .with { $0.status = state.isServing ? .serving : .notServing }
    }

    fileprivate func register(in table: inout CallTable, clock: any TimeSource) {
        table.addUnary(Self.check, clock: clock) {
            (request: CheckRequest, _: CallContext) -> CheckResponse in
            guard self.services.contains(request.service) else {
                throw RPCError(code: .notFound, message: "unknown service")
            }
            return self.response(self.status.state)
        }
        let gate = table.gate
        table.addUnary(Self.list, clock: clock) {
            (_: ListRequest, context: CallContext) -> ListResponse in
            _ = try await gate?.admit(Self.list, headers: context.metadata)
            let response = self.response(self.status.state)
            return .with {
                for service in self.services { $0.statuses[service] = response }
            }
        }
        table.add(
            Self.watch,
            StreamingRoute<CheckRequest, CheckResponse>(admit: table.admission(to: Self.watch)) {
                requests, responses in
                try await self.watch(requests, responses)
            })
    }

    /// Sends the state at once and whenever it changes, until the caller leaves or we stop.
    private func watch(
        _ requests: consuming StreamingRoute<CheckRequest, CheckResponse>.Requests,
        _ responses: StreamingRoute<CheckRequest, CheckResponse>.Responses
    ) async throws {
        guard let request = try await requests.next() else { return }
        guard let changes = self.status.changes() else {
            throw RPCError(code: .resourceExhausted, message: "too many watches")
        }
        var sent: CheckResponse?
        for await state in changes {
            let response =
                self.services.contains(request.service)
                ? self.response(state) : .with { $0.status = .serviceUnknown }
            guard response != sent else { continue }
            try await responses.send(response)
            sent = response
        }
        if !Task.isCancelled {
            throw RPCError(code: .unavailable, message: "the server is shutting down")
        }
    }
}

extension CallTable {
    package mutating func addHealth(_ health: HealthService, clock: any TimeSource) {
        health.register(in: &self, clock: clock)
    }
}
