import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func countWorkflowExecutions(
        _ request: CountWorkflowExecutionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> CountWorkflowExecutionsResponse {
        let count = try await self.count(.workflow, request.query, call)
        return .with {
            $0.count = count.total
            $0.groups = count.groups.map { group in
                .with {
                    $0.groupValues = [group.statusPayload(.workflow)]
                    $0.count = group.count
                }
            }
        }
    }
}
