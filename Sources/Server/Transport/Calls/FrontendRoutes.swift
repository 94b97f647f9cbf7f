import Frontend
import Primitives
import SwiftProtobuf
import TemporalAPI

extension CallTable {
    /// Adds every RPC of the frontend that is built.
    package mutating func addFrontend(
        _ service: FrontendService, role: FrontendRole, clock: any TimeSource
    ) {
        var visitor = Registration(table: self, service: service, role: role, clock: clock)
        FrontendRPCs.visitAll(&visitor)
        self = visitor.table
    }

    private struct Registration: RPCVisitor {
        var table: CallTable
        let service: FrontendService
        let role: FrontendRole
        let clock: any TimeSource

        mutating func visit<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
            _ rpc: BuiltRPC<Request, Response>
        ) {
            let service = self.service
            self.table.addUnary(rpc.name, role: self.role, clock: self.clock) {
                (request: Request, context: CallContext) -> Response in
                try await rpc.handle(request, context, by: service)
            }
        }
    }
}

/// Which RPCs of the served APIs do their job, and which are answered `UNIMPLEMENTED`.
package struct RPCStatus: Sendable, Equatable {
    package let rpc: RPCName
    package let isBuilt: Bool

    /// Every RPC that SDKs, the CLI and the UI know, in the order of the definitions.
    package static func all() throws -> [RPCStatus] {
        let built = Set(FrontendRPCs.table).union(HealthService.rpcs).union(ReflectionService.rpcs)
        return try EmbeddedDescriptors().rpcs.map {
            let rpc = RPCName(service: $0.service, method: $0.method)
            return RPCStatus(rpc: rpc, isBuilt: built.contains(rpc))
        }
    }
}
