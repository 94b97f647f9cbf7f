import DynamicConfig
import Persistence
import Primitives
import TemporalAPI

extension FrontendService {
    func listWorkflowExecutions(
        _ request: ListWorkflowExecutionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ListWorkflowExecutionsResponse {
        let sizeMax = self.settings.visibilityPageSizeMax
        let size = request.pageSize <= 0 ? sizeMax : min(Int(request.pageSize), sizeMax)
        let compiled = try QueryCompiler(
            custom: call.namespace.customSearchAttributes
        ).compile(request.query)
        guard compiled.groupBy == nil else {
            throw .invalidQuery("operation is not supported: 'GROUP BY' clause")
        }
        // One more than asked for tells whether there is a next page.
        let query = VisibilityQuery(
            namespaceID: call.namespace.id, filter: compiled.filter,
            after: try VisibilityRows.position(request.nextPageToken), countMax: size + 1)
        var records = try await storing { () async throws(StoreError) -> [VisibilityRecord] in
            try await self.visibility.listRuns(query)
        }
        var response = ListWorkflowExecutionsResponse()
        if records.count > size {
            records.removeLast(records.count - size)
            if let last = records.last {
                response.nextPageToken = try VisibilityRows.token(behind: last)
            }
        }
        for record in records { response.executions.append(try VisibilityRows.info(record)) }
        return response
    }
}
