import Frontend
import Primitives
import SwiftProtobuf
import TemporalAPI

/// The built RPCs of a frontend by name, as a transport has them.
struct RPCTable: RPCVisitor, Sendable {
    private var rpcs: [String: any Sendable] = [:]

    init() {
        FrontendRPCs.visitAll(&self)
    }

    mutating func visit<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ rpc: BuiltRPC<Request, Response>
    ) {
        self.rpcs[rpc.name.method] = rpc
    }

    func rpc<Request, Response>(
        _ method: String, _: Request.Type, _: Response.Type
    ) throws(ServiceError) -> BuiltRPC<Request, Response> {
        guard let rpc = self.rpcs[method] as? BuiltRPC<Request, Response> else {
            throw ServiceError(.unimplemented, "\(method) is not built")
        }
        return rpc
    }
}

/// A way to call the frontend over the simulated network, as an SDK's connection is over gRPC.
package struct FrontendConnection: Sendable {
    private let network: SimulatedNetwork<FrontendService>
    private let rpcs: RPCTable
    private let coverage: Coverage

    init(_ network: SimulatedNetwork<FrontendService>, _ coverage: Coverage) {
        self.network = network
        self.coverage = coverage
        self.rpcs = RPCTable()
    }

    /// Calls `method` and waits for its answer, at most for `timeout`.
    package func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ method: String, _ request: Request, timeout: Duration = .seconds(10)
    ) async throws(ServiceError) -> Response {
        let rpc = try self.rpcs.rpc(method, Request.self, Response.self)
        let response = try await self.network.call(timeout: timeout) {
            (frontend, deadline) async throws(ServiceError) -> Response in
            try await rpc.handle(request, CallContext(deadline: deadline), by: frontend)
        }
        self.coverage.used(rpc: method)
        return response
    }
}
