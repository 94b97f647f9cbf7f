import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func startActivityExecution(
        _ request: StartActivityExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> StartActivityExecutionResponse {
        try self.checkStandaloneActivities()
        var request = request
        try self.prepareStart(&request, call)
        return try await self.send(
            .standaloneActivity(.start(request)), to: request.activityID, of: .activity, call
        ) { reply -> StartActivityExecutionResponse? in
            if case .standaloneActivity(.started(let response)) = reply { response } else { nil }
        }
    }
}
