import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    /// Looks a namespace up by name or by id, whatever state it is in.
    func describeNamespace(
        _ request: DescribeNamespaceRequest, _ context: CallContext
    ) async throws(ServiceError) -> DescribeNamespaceResponse {
        let namespace: Namespace
        switch (request.namespace.isEmpty, request.id.isEmpty) {
        case (true, true):
            throw .namespaceNotSet
        case (false, false):
            throw .invalidArgument(
                "GetNamespace operation failed.  Both ID and Name specified in request.")
        case (false, true):
            try self.checkNamespaceLength(request.namespace)
            namespace =
                request.weakConsistency
                ? try await self.namespaces.namespace(named: request.namespace)
                : try await self.namespaces.read(named: request.namespace)
        case (true, false):
            try self.checkNamespaceLength(request.id)
            let id = NamespaceID(request.id)
            namespace =
                request.weakConsistency
                ? try await self.namespaces.namespace(id: id)
                : try await self.namespaces.read(id: id)
        }
        return self.description(of: namespace)
    }

    func description(of namespace: Namespace) -> DescribeNamespaceResponse {
        .with {
            $0.namespaceInfo = self.info(of: namespace)
            $0.config = namespace.record.config
            $0.replicationConfig = namespace.record.replication
            $0.failoverVersion = namespace.record.failoverVersion
            $0.isGlobalNamespace = namespace.record.isGlobal
        }
    }

    /// A namespace's info with what the server can do in it; true only for what works.
    func info(of namespace: Namespace) -> Temporal_Api_Namespace_V1_NamespaceInfo {
        var info = namespace.record.info
        info.capabilities = .with {
            $0.eagerWorkflowStart = self.settings.enableEagerWorkflowStart
            $0.workflowPause = self.settings.enableWorkflowPause
            $0.standaloneActivities = self.settings.enableStandaloneActivities
            $0.standaloneActivityStartDelay =
                self.settings.enableStandaloneActivities && self.settings.enableActivityStartDelay
        }
        info.limits = .with {
            $0.blobSizeLimitError = Int64(self.settings.blobSizeErrorMax)
            $0.memoSizeLimitError = Int64(self.settings.memoSizeErrorMax)
        }
        info.supportsSchedules = false
        return info
    }
}
