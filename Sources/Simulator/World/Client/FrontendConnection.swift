import Frontend
import Primitives
import SwiftProtobuf
import TemporalAPI

/// The built RPCs of a frontend by name, as a transport has them.
struct RPCTable: RPCVisitor, Sendable {
    private var rpcs: [RPCName: any BareRPC] = [:]

    init() {
        FrontendRPCs.visitAll(&self)
    }

    mutating func visit<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ rpc: BuiltRPC<Request, Response>
    ) {
        self.rpcs[rpc.name] = rpc
    }

    func rpc<Request, Response>(
        _ method: String, _: Request.Type, _: Response.Type
    ) throws(ServiceError) -> BuiltRPC<Request, Response> {
        let name = RPCName(service: FrontendRPCs.workflowService, method: method)
        guard let rpc = self.rpcs[name] as? BuiltRPC<Request, Response> else {
            throw ServiceError(.unimplemented, "\(method) is not built")
        }
        return rpc
    }

    /// Without its types; nil if it is not built.
    func bareRPC(_ name: RPCName) -> (any BareRPC)? { self.rpcs[name] }
}

/// A way to call the frontend over the simulated network, as an SDK's connection is over gRPC.
package struct FrontendConnection: Sendable {
    private let network: SimulatedNetwork<NodeDoor>
    private let rpcs: RPCTable
    private let coverage: Coverage
    /// What every call brings along.
    private let headers: @Sendable () -> [String: String]

    init(
        _ network: SimulatedNetwork<NodeDoor>, _ coverage: Coverage,
        headers: @escaping @Sendable () -> [String: String] = { [:] }
    ) {
        self.network = network
        self.coverage = coverage
        self.headers = headers
        self.rpcs = RPCTable()
    }

    /// The same connection, for somebody else.
    func with(
        headers: @escaping @Sendable () -> [String: String]
    ) -> FrontendConnection {
        FrontendConnection(self.network, self.coverage, headers: headers)
    }

    /// Calls `method` and waits for its answer, at most for `timeout`.
    package func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ method: String, _ request: Request, timeout: Duration = .seconds(10)
    ) async throws(ServiceError) -> Response {
        let rpc = try self.rpcs.rpc(method, Request.self, Response.self)
        let headers = self.headers()
        let response = try await self.network.call(timeout: timeout) {
            (door, deadline) async throws(ServiceError) -> Response in
            try await door.answer(rpc, request, deadline: deadline, headers)
        }
        self.coverage.used(rpc: method)
        return response
    }

    /// Calls any RPC there is, built or not, with a request in its wire form.
    ///
    /// The request names `namespace`; `header` says who calls, or nothing does.
    func call(
        _ rpc: RPCName, bytes request: [UInt8], in namespace: String, header: String?,
        timeout: Duration = .seconds(10)
    ) async throws(ServiceError) -> [UInt8] {
        let headers = header.map { ["authorization": $0] } ?? [:]
        let built = self.rpcs.bareRPC(rpc)
        return try await self.network.call(timeout: timeout) {
            (door, deadline) async throws(ServiceError) -> [UInt8] in
            guard let built else {
                return try await door.answer(unbuilt: rpc, in: namespace, headers)
            }
            return try await door.answer(built, request, deadline: deadline, headers)
        }
    }
}
