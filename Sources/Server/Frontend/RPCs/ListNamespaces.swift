import Authorization
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
        var page = try await self.namespaces(
            after: last.isEmpty ? nil : last, countMax: size + 1, seenBy: context.caller)
        let hasMore = page.count > size
        if hasMore { page.removeLast() }
        var response = ListNamespacesResponse()
        if hasMore, let name = page.last?.name { response.nextPageToken = Data(name.utf8) }
        response.namespaces = page.filter {
            request.namespaceFilter.includeDeleted || $0.state != .deleted
        }.map { self.description(of: $0) }
        return response
    }

    /// Namespaces by name, behind `name`, without those the caller may not read.
    ///
    /// Pages, and the tokens between them, tell nothing of those that are left out.
    private func namespaces(
        after name: String?, countMax: Int, seenBy caller: Caller
    ) async throws(ServiceError) -> [Namespace] {
        var name = name
        var seen: [Namespace] = []
        while seen.count < countMax {
            let page = try await self.namespaces.list(
                after: name, countMax: max(countMax, Self.namespacePageSize))
            seen += page.filter { caller.may(.read, in: $0.name) }
            guard page.count >= max(countMax, Self.namespacePageSize), let last = page.last else {
                break
            }
            name = last.name
        }
        return Array(seen.prefix(countMax))
    }

    private static let namespacePageSize = 100
}
