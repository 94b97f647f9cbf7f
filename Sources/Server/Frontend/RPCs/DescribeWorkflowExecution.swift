import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func describeWorkflowExecution(
        _ request: DescribeWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> DescribeWorkflowExecutionResponse {
        try self.checkExecution(request.execution, isSet: request.hasExecution)
        return try await self.send(
            .describe(runID: RunID(request.execution.runID)),
            to: request.execution.workflowID, call
        ) { reply -> DescribeWorkflowExecutionResponse? in
            if case .described(let response) = reply { response } else { nil }
        }
    }
}
