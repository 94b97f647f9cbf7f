import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    /// Merges what the request sets into a namespace.
    func updateNamespace(
        _ request: UpdateNamespaceRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> UpdateNamespaceResponse {
        guard !request.promoteNamespace else { throw .globalNamespacesDisabled }
        try self.checkReplication(request)
        let now = self.now
        let updated = try await self.namespaces.update(named: call.namespace.name) {
            (record) throws(ServiceError) in
            if request.hasUpdateInfo { try Self.merge(request.updateInfo, into: &record.info) }
            if request.hasConfig { try self.merge(request.config, into: &record.config, now: now) }
            if !request.deleteBadBinary.isEmpty {
                let removed = record.config.badBinaries.binaries.removeValue(
                    forKey: request.deleteBadBinary)
                guard removed != nil else {
                    throw .invalidArgument(
                        "Bad binary checksum \(request.deleteBadBinary) doesn't exists.")
                }
            }
        }
        return .with {
            $0.namespaceInfo = self.info(of: updated)
            $0.config = updated.record.config
            $0.replicationConfig = updated.record.replication
            $0.failoverVersion = updated.record.failoverVersion
            $0.isGlobalNamespace = updated.record.isGlobal
        }
    }

    /// There is one cluster, so there is nothing to change about replication.
    private func checkReplication(_ request: UpdateNamespaceRequest) throws(ServiceError) {
        let config = request.replicationConfig
        let clusters = config.clusters.map(\.clusterName) + [config.activeClusterName]
        for cluster in clusters where !cluster.isEmpty && cluster != self.facts.clusterName {
            throw .invalidArgument("Invalid cluster name: \(cluster)")
        }
        guard config.state == .unspecified || config.state == .normal else {
            throw .notBuilt("namespace handover is")
        }
    }

    private static func merge(
        _ update: Temporal_Api_Namespace_V1_UpdateNamespaceInfo,
        into info: inout Temporal_Api_Namespace_V1_NamespaceInfo
    ) throws(ServiceError) {
        if !update.description_p.isEmpty { info.description_p = update.description_p }
        if !update.ownerEmail.isEmpty { info.ownerEmail = update.ownerEmail }
        info.data.merge(update.data) { $1 }
        guard update.state != .unspecified, update.state != info.state else { return }
        switch (info.state, update.state) {
        case (_, _) where info.name == NamespaceRegistry.systemNamespace:
            throw .namespaceStateUpdateInvalid
        case (.registered, .deprecated), (.registered, .deleted), (.deprecated, .deleted):
            info.state = update.state
        default: throw .namespaceStateUpdateInvalid
        }
    }

    private func merge(
        _ update: Temporal_Api_Namespace_V1_NamespaceConfig,
        into config: inout Temporal_Api_Namespace_V1_NamespaceConfig, now: Timestamp
    ) throws(ServiceError) {
        guard update.historyArchivalState != .enabled, update.visibilityArchivalState != .enabled
        else { throw .notBuilt("archival is") }
        if update.hasWorkflowExecutionRetentionTtl {
            config.workflowExecutionRetentionTtl =
                try self.validRetention(update.workflowExecutionRetentionTtl).proto
        }
        for (checksum, binary) in update.badBinaries.binaries {
            config.badBinaries.binaries[checksum] = .with {
                $0.reason = binary.reason
                $0.operator = binary.operator
                $0.createTime = now.proto
            }
        }
        guard config.badBinaries.binaries.count <= Self.badBinariesMax else {
            throw .invalidArgument(
                "Total resetBinaries cannot exceed the max limit: \(Self.badBinariesMax)")
        }
        config.customSearchAttributeAliases = try SearchAttributeAliases.updating(
            config.customSearchAttributeAliases, with: update.customSearchAttributeAliases)
    }

    private static let badBinariesMax = 10
}
