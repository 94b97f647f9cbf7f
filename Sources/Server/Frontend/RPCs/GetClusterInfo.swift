import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func getClusterInfo(
        _ request: GetClusterInfoRequest, _ context: CallContext
    ) async throws(ServiceError) -> GetClusterInfoResponse {
        .with {
            $0.supportedClients = Self.supportedClients
            $0.serverVersion = offeredServerVersion
            $0.clusterID = self.cluster.clusterID
            $0.clusterName = self.facts.clusterName
            $0.historyShardCount = self.cluster.shardCount
            $0.persistenceStore = self.facts.persistenceStore
            $0.visibilityStore = self.facts.visibilityStore
            $0.initialFailoverVersion = 1
            $0.failoverVersionIncrement = 10
        }
    }

    /// Version ranges of the clients that work with this server.
    private static let supportedClients = [
        "temporal-go": "<2.0.0", "temporal-java": "<2.0.0", "temporal-php": "<2.0.0",
        "temporal-typescript": "<2.0.0", "temporal-cli": "<2.0.0", "temporal-server": "<2.0.0",
        "temporal-ui": "<3.0.0",
    ]
}
