import DynamicConfig
import FoundationEssentials
import Primitives
import TemporalAPI

extension FrontendService {
    /// Namespaces by name; a page is shorter than asked for where deleted ones are left out.
    func listNamespaces(
        _ request: ListNamespacesRequest, _ context: CallContext
    ) async throws(ServiceError) -> ListNamespacesResponse {
        let size =
            request.pageSize <= 0
            ? Self.namespacePageSize
            : min(Int(request.pageSize), self.settings.visibilityPageSizeMax)
        guard let last = String(validating: request.nextPageToken, as: UTF8.self) else {
            throw .pageTokenInvalid
        }
        var page = try await self.namespaces.list(
            after: last.isEmpty ? nil : last, countMax: size + 1)
        let hasMore = page.count > size
        if hasMore { page.removeLast() }
        var response = ListNamespacesResponse()
        if hasMore, let name = page.last?.name { response.nextPageToken = Data(name.utf8) }
        response.namespaces = page.filter {
            request.namespaceFilter.includeDeleted || $0.state != .deleted
        }.map { self.description(of: $0) }
        return response
    }

    private static let namespacePageSize = 100
}
