import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func queryWorkflow(
        _ request: QueryWorkflowRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> QueryWorkflowResponse {
        try self.checkExecution(request.execution, isSet: request.hasExecution)
        guard request.hasQuery else { throw .queryNotSet }
        try self.checkQueryType(request.query.queryType)
        try self.checkBlob(request.query.queryArgs)
        var request = request
        switch request.queryRejectCondition {
        case .unspecified:
            request.queryRejectCondition = Temporal_Api_Enums_V1_QueryRejectCondition.none
        case .none, .notOpen, .notCompletedCleanly: break
        case .UNRECOGNIZED(let number):
            throw .invalidArgument("unknown QueryRejectCondition \(number)")
        }
        do throws(ServiceError) {
            return try await self.send(
                .query(request), to: request.execution.workflowID, call
            ) { reply -> QueryWorkflowResponse? in
                if case .queried(let response) = reply { response } else { nil }
            }
        } catch {
            guard error.kind == .deadlineExceeded else { throw error }
            throw ServiceError(
                .deadlineExceeded, "query timed out before a worker could process it")
        }
    }
}
