import Primitives
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func listActivityExecutions(
        _ request: ListActivityExecutionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ListActivityExecutionsResponse {
        try self.checkStandaloneActivities()
        let page = try await self.list(
            .activity, request.query, pageSize: request.pageSize,
            pageToken: request.nextPageToken, call)
        var response = ListActivityExecutionsResponse()
        response.nextPageToken = page.nextPageToken
        for record in page.records {
            response.executions.append(try VisibilityRows.activityInfo(record))
        }
        return response
    }
}
