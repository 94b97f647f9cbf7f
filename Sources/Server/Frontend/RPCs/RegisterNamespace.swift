import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func registerNamespace(
        _ request: RegisterNamespaceRequest, _ context: CallContext
    ) async throws(ServiceError) -> RegisterNamespaceResponse {
        guard !request.namespace.isEmpty else { throw .namespaceNotSet }
        try self.checkNamespaceLength(request.namespace)
        guard !request.isGlobalNamespace else { throw .globalNamespacesDisabled }
        let retention = try self.validRetention(request.workflowExecutionRetentionPeriod)
        let clusters = request.clusters.map(\.clusterName) + [request.activeClusterName]
        for cluster in clusters where !cluster.isEmpty && cluster != self.facts.clusterName {
            throw .invalidArgument("Invalid cluster name: \(cluster)")
        }
        guard request.historyArchivalState != .enabled, request.visibilityArchivalState != .enabled
        else { throw .notBuilt("archival is") }
        _ = try await self.namespaces.create(name: request.namespace, retention: retention) {
            $0.info.description_p = request.description_p
            $0.info.ownerEmail = request.ownerEmail
            $0.info.data = request.data
        }
        return RegisterNamespaceResponse()
    }

    /// How long closed runs are kept, if a namespace may have it so.
    func validRetention(_ proto: Google_Protobuf_Duration) throws(ServiceError) -> Duration {
        guard let retention = validDuration(proto),
            retention >= self.settings.namespaceRetentionMin, retention > .zero
        else { throw .retentionInvalid }
        return retention
    }
}
