import DynamicConfig
import FoundationEssentials
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// A page of rows, and the token of the next one.
struct ListedPage: Sendable {
    var records: [VisibilityRecord]
    var nextPageToken = Data()
}

extension FrontendService {
    /// A page of the executions of one archetype that a query asks for.
    func list(
        _ archetype: Archetype, _ text: String, pageSize: Int32, pageToken: Data,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> ListedPage {
        let sizeMax = self.settings.visibilityPageSizeMax
        let size = pageSize <= 0 ? sizeMax : min(Int(pageSize), sizeMax)
        let compiled = try QueryCompiler(
            custom: call.namespace.customSearchAttributes, archetype: archetype
        ).compile(text)
        guard compiled.groupBy == nil else {
            throw .invalidQuery("operation is not supported: 'GROUP BY' clause")
        }
        // One more than asked for tells whether there is a next page.
        let query = VisibilityQuery(
            namespaceID: call.namespace.id, filter: compiled.filter(for: archetype),
            after: try VisibilityRows.position(pageToken), countMax: size + 1)
        var page = ListedPage(
            records: try await storing { () async throws(StoreError) -> [VisibilityRecord] in
                try await self.visibility.listRuns(query)
            })
        if page.records.count > size {
            page.records.removeLast(page.records.count - size)
            if let last = page.records.last {
                page.nextPageToken = try VisibilityRows.token(behind: last)
            }
        }
        return page
    }

    /// How many executions of one archetype a query asks for.
    func count(
        _ archetype: Archetype, _ text: String, _ call: NamespaceCall
    ) async throws(ServiceError) -> VisibilityCount {
        let compiled = try QueryCompiler(
            custom: call.namespace.customSearchAttributes, archetype: archetype
        ).compile(text)
        let query = VisibilityQuery(
            namespaceID: call.namespace.id, filter: compiled.filter(for: archetype),
            groupBy: compiled.groupBy)
        return try await storing { () async throws(StoreError) -> VisibilityCount in
            try await self.visibility.countRuns(query)
        }
    }
}

extension VisibilityCount.Group {
    /// The name of the status this group is of, as a keyword search attribute is encoded.
    func statusPayload(_ archetype: Archetype) -> Payload {
        var name = ""
        if case .int(let number) = self.value { name = QueryValues.statusName(number, archetype) }
        return .with {
            $0.metadata["encoding"] = Data("json/plain".utf8)
            $0.metadata["type"] = Data(SearchAttributeType.keyword.name.utf8)
            $0.data = Data("\"\(name)\"".utf8)
        }
    }
}
