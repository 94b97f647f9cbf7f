import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func describeActivityExecution(
        _ request: DescribeActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> DescribeActivityExecutionResponse {
        try self.checkStandaloneActivities()
        guard request.longPollToken.isEmpty || !request.runID.isEmpty else {
            throw .invalidArgument("run id is required when long poll token is provided")
        }
        try self.checkNamedActivity(request.activityID, runID: request.runID, identity: "")
        return try await self.send(
            .standaloneActivity(.describe(request)), to: request.activityID, of: .activity, call
        ) { reply -> DescribeActivityExecutionResponse? in
            if case .standaloneActivity(.described(let response)) = reply { response } else { nil }
        }
    }
}
