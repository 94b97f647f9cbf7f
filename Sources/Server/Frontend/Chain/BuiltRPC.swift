import Primitives
import SwiftProtobuf
import TemporalAPI

/// One RPC that does its job: what the transport registers.
package struct BuiltRPC<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>: Sendable {
    package typealias Handler =
        @Sendable (FrontendService, Request, CallContext) async throws(ServiceError) -> Response

    typealias Target = @Sendable (Request) -> CallTarget

    package let name: RPCName
    private let chain: CallChain
    private let target: Target
    private let handler: Handler

    init(_ name: RPCName, target: @escaping Target, handler: @escaping Handler) {
        self.name = name
        self.chain = CallChain(name)
        self.target = target
        self.handler = handler
    }

    /// Does one call, with everything a call goes through before and after its handler.
    package func handle(
        _ request: Request, _ context: CallContext, by service: FrontendService
    ) async throws(ServiceError) -> Response {
        try await self.chain.run(service) { () async throws(ServiceError) -> Response in
            var context = context
            context.caller = try await service.admit(context, to: self.name, self.target(request))
            return try await self.handler(service, request, context)
        }
    }
}

/// What a handler of a namespaced RPC is told beside the request.
struct NamespaceCall: Sendable {
    let context: CallContext
    let namespace: Namespace
}

extension BuiltRPC {
    /// An RPC that belongs to the cluster, or finds its namespace itself.
    static func cluster(
        _ method: String, service: String = FrontendRPCs.workflowService,
        about target: @escaping Target = { _ in .cluster }, _ handler: @escaping Handler
    ) -> BuiltRPC {
        BuiltRPC(RPCName(service: service, method: method), target: target, handler: handler)
    }
}

extension BuiltRPC where Request: NamespacedRequest {
    typealias NamespacedHandler =
        @Sendable (FrontendService, Request, NamespaceCall) async throws(ServiceError) -> Response

    /// An RPC within one namespace, which must exist and be in one of `states`.
    static func namespaced(
        _ method: String, states: NamespaceStates = .usable,
        _ handler: @escaping NamespacedHandler
    ) -> BuiltRPC {
        BuiltRPC(
            RPCName(service: FrontendRPCs.workflowService, method: method),
            target: { CallTarget(namespace: $0.namespace) }
        ) {
            (service, request, context) async throws(ServiceError) -> Response in
            let namespace = try await service.resolve(request.namespace, states: states)
            return try await handler(
                service, request, NamespaceCall(context: context, namespace: namespace))
        }
    }
}

extension BuiltRPC where Request: TokenRequest {
    typealias TokenHandler =
        @Sendable (FrontendService, Request, Request.Token, NamespaceCall)
        async throws(ServiceError) -> Response

    /// An RPC about a task; its token must be of the namespace, which it names if nothing else does.
    static func task(
        _ method: String, _ handler: @escaping TokenHandler
    ) -> BuiltRPC {
        BuiltRPC(
            RPCName(service: FrontendRPCs.workflowService, method: method),
            target: { request in
                guard request.namespace.isEmpty else {
                    return CallTarget(namespace: request.namespace)
                }
                let token = try? request.decodedToken()
                return CallTarget(
                    namespace: "", id: token.map { NamespaceID($0.namespaceID) })
            }
        ) {
            (service, request, context) async throws(ServiceError) -> Response in
            let token = try request.decodedToken()
            let namespace = try await service.resolve(
                request.namespace, tokenNamespaceID: NamespaceID(token.namespaceID))
            return try await handler(
                service, request, token, NamespaceCall(context: context, namespace: namespace))
        }
    }
}
