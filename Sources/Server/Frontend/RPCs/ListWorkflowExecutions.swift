import Primitives
import TemporalAPI

extension FrontendService {
    func listWorkflowExecutions(
        _ request: ListWorkflowExecutionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ListWorkflowExecutionsResponse {
        let page = try await self.list(
            .workflow, request.query, pageSize: request.pageSize,
            pageToken: request.nextPageToken, call)
        var response = ListWorkflowExecutionsResponse()
        response.nextPageToken = page.nextPageToken
        for record in page.records { response.executions.append(try VisibilityRows.info(record)) }
        return response
    }
}
