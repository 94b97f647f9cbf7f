import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    /// What this server can do: true only for what works, SDKs choose their behaviour by it.
    func getSystemInfo(
        _ request: GetSystemInfoRequest, _ context: CallContext
    ) async throws(ServiceError) -> GetSystemInfoResponse {
        .with {
            $0.serverVersion = offeredServerVersion
            $0.capabilities = .with {
                $0.signalAndQueryHeader = true
                $0.internalErrorDifferentiation = true
                $0.activityFailureIncludeHeartbeat = true
                $0.encodedFailureAttributes = true
                $0.upsertMemo = true
                $0.sdkMetadata = true
                $0.buildIDBasedVersioning = true
                $0.countGroupByExecutionStatus = true
                $0.eagerWorkflowStart = self.settings.enableEagerWorkflowStart
            }
        }
    }
}
