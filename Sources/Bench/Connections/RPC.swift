import GRPCCore
import SwiftProtobuf

/// One of a service's RPCs, with the messages it takes and gives.
package struct RPC<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>: Sendable {
    let descriptor: MethodDescriptor

    package init(
        _ name: String, service: String = "temporal.api.workflowservice.v1.WorkflowService"
    ) {
        self.descriptor = MethodDescriptor(fullyQualifiedService: service, method: name)
    }
}
