/// Names an RPC: what its `RPCDescriptor` says as well.
package struct RPCName: Hashable, Sendable {
    /// Full name of the service, `temporal.api.workflowservice.v1.WorkflowService`.
    package let service: String
    package let method: String

    package init(service: String, method: String) {
        self.service = service
        self.method = method
    }
}
