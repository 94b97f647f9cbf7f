import DynamicConfig
import Primitives
import TemporalAPI

extension FrontendService {
    /// The namespaces that commands name besides the workflow's own.
    /// - Throws: `namespaceNotFound` if there is no such namespace.
    func otherNamespaces(
        namedBy commands: [Temporal_Api_Command_V1_Command], _ call: NamespaceCall
    ) async throws(ServiceError) -> [String: Namespace] {
        var others: [String: Namespace] = [:]
        for command in commands {
            guard let name = command.targetNamespace, name != call.namespace.name,
                others[name] == nil, name.utf8.count <= self.settings.idLengthMax
            else { continue }
            others[name] = try await self.namespaces.namespace(named: name)
        }
        return others
    }
}

extension Temporal_Api_Command_V1_Command {
    /// The namespace a command names; nil if it names none.
    fileprivate var targetNamespace: String? {
        let name =
            switch self.attributes {
            case .startChildWorkflowExecutionCommandAttributes(let attributes):
                attributes.namespace
            case .signalExternalWorkflowExecutionCommandAttributes(let attributes):
                attributes.namespace
            case .requestCancelExternalWorkflowExecutionCommandAttributes(let attributes):
                attributes.namespace
            default: ""
            }
        return name.isEmpty ? nil : name
    }
}
