import FoundationEssentials
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func countWorkflowExecutions(
        _ request: CountWorkflowExecutionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> CountWorkflowExecutionsResponse {
        let compiled = try QueryCompiler(
            custom: call.namespace.customSearchAttributes
        ).compile(request.query)
        let query = VisibilityQuery(
            namespaceID: call.namespace.id, filter: compiled.filter, groupBy: compiled.groupBy)
        let count = try await storing { () async throws(StoreError) -> VisibilityCount in
            try await self.visibility.countRuns(query)
        }
        return .with {
            $0.count = count.total
            $0.groups = count.groups.map { group in
                .with {
                    $0.groupValues = [Self.statusPayload(group.value)]
                    $0.count = group.count
                }
            }
        }
    }

    /// The name of a status, as a keyword search attribute is encoded.
    private static func statusPayload(_ value: SearchAttributeValue) -> Payload {
        var name = ""
        if case .int(let number) = value {
            name = WorkflowExecutionStatus(rawValue: Int(number))?.displayName ?? String(number)
        }
        return .with {
            $0.metadata["encoding"] = Data("json/plain".utf8)
            $0.metadata["type"] = Data(SearchAttributeType.keyword.name.utf8)
            $0.data = Data("\"\(name)\"".utf8)
        }
    }
}
