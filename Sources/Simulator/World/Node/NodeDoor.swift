import Frontend
import Primitives
import SwiftProtobuf
import TemporalAPI

/// Where calls come in at a node, as at a server's table of calls.
struct NodeDoor: Sendable {
    /// The RPC that a planted defect lets everybody call.
    static let unguarded = "TerminateWorkflowExecution"

    let frontend: FrontendService
    /// Nil if nobody is asked who they are.
    let gate: AccessGate?
    var isUnguarded = false

    func answer<Request, Response>(
        _ rpc: BuiltRPC<Request, Response>, _ request: Request, deadline: Timestamp,
        _ headers: [String: String]
    ) async throws(ServiceError) -> Response {
        try await rpc.handle(
            request, self.context(of: rpc.name, deadline, headers), by: self.frontend)
    }

    /// As ``answer(_:_:deadline:_:)``, for a request in its wire form.
    func answer(
        _ rpc: any BareRPC, _ request: [UInt8], deadline: Timestamp, _ headers: [String: String]
    ) async throws(ServiceError) -> [UInt8] {
        try await rpc.answer(
            request, self.context(of: rpc.name, deadline, headers), by: self.frontend)
    }

    /// Answers what nobody built; whoever may not call it is not told that.
    func answer(
        unbuilt rpc: RPCName, in namespace: String, _ headers: [String: String]
    ) async throws(ServiceError) -> [UInt8] {
        _ = try await self.gate?.admit(rpc, headers: headers, namespace: namespace)
        throw ServiceError(.unimplemented, "\(rpc.method) is not built")
    }

    private func context(
        of rpc: RPCName, _ deadline: Timestamp, _ headers: [String: String]
    ) -> CallContext {
        CallContext(
            deadline: deadline, metadata: headers,
            role: self.isUnguarded && rpc.method == Self.unguarded
                ? .internalFrontend : .publicFrontend)
    }
}

/// A built RPC without its types.
protocol BareRPC: Sendable {
    var name: RPCName { get }

    func answer(
        _ request: [UInt8], _ context: CallContext, by frontend: FrontendService
    ) async throws(ServiceError) -> [UInt8]
}

extension BuiltRPC: BareRPC {
    func answer(
        _ request: [UInt8], _ context: CallContext, by frontend: FrontendService
    ) async throws(ServiceError) -> [UInt8] {
        guard let request = try? Request(serializedBytes: request) else {
            throw .invalidArgument("the request cannot be read")
        }
        let response = try await self.handle(request, context, by: frontend)
        let bytes: [UInt8]? = try? response.serializedBytes()
        return bytes ?? []
    }
}
