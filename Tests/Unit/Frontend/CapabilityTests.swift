import Frontend
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct CapabilityTests {
    @Test("Only what works is claimed")
    func systemInfo() async throws {
        let info: Temporal_Api_Workflowservice_V1_GetSystemInfoResponse = try await FrontendWorld()
            .call(Temporal_Api_Workflowservice_V1_GetSystemInfoRequest())
        #expect(
            info.capabilities
                == .with {
                    $0.signalAndQueryHeader = true
                    $0.internalErrorDifferentiation = true
                    $0.activityFailureIncludeHeartbeat = true
                    $0.encodedFailureAttributes = true
                    $0.upsertMemo = true
                    $0.sdkMetadata = true
                    $0.buildIDBasedVersioning = true
                    $0.countGroupByExecutionStatus = true
                    $0.eagerWorkflowStart = true
                })
        #expect(info.serverVersion.wholeMatch(of: /1\.\d+\.\d+/) != nil)
    }

    @Test("A namespace claims nothing that is not built, and tells its limits")
    func namespace() async throws {
        let described: Temporal_Api_Workflowservice_V1_DescribeNamespaceResponse =
            try await FrontendWorld().call(
                Temporal_Api_Workflowservice_V1_DescribeNamespaceRequest.with {
                    $0.namespace = "default"
                })
        #expect(
            described.namespaceInfo.capabilities
                == .with {
                    $0.eagerWorkflowStart = true
                    $0.standaloneActivities = true
                    $0.standaloneActivityStartDelay = true
                })
        #expect(!described.namespaceInfo.supportsSchedules)
        #expect(described.namespaceInfo.limits.blobSizeLimitError == 2 * 1_024 * 1_024)
    }

    @Test("The cluster tells what it is made of")
    func clusterInfo() async throws {
        let info: Temporal_Api_Workflowservice_V1_GetClusterInfoResponse =
            try await FrontendWorld().call(
                Temporal_Api_Workflowservice_V1_GetClusterInfoRequest())
        #expect(info.clusterID == "cluster" && info.historyShardCount == 4)
        #expect(info.supportedClients["temporal-go"] == "<2.0.0")
        #expect(info.persistenceStore == "memory" && info.clusterName == "active")
    }
}
