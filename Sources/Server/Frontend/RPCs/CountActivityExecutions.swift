import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func countActivityExecutions(
        _ request: CountActivityExecutionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> CountActivityExecutionsResponse {
        try self.checkStandaloneActivities()
        let count = try await self.count(.activity, request.query, call)
        return .with {
            $0.count = count.total
            $0.groups = count.groups.map { group in
                .with {
                    $0.groupValues = [group.statusPayload(.activity)]
                    $0.count = group.count
                }
            }
        }
    }
}
