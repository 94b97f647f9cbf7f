import Authorization
import DynamicConfig
import Primitives
import TemporalAPI

extension FrontendService {
    /// The namespaces that commands name besides the workflow's own.
    ///
    /// What a command does there is a write, which the caller must be allowed there as well.
    /// - Throws: `namespaceNotFound` if there is no such namespace, `permissionDenied`
    func otherNamespaces(
        namedBy commands: [Temporal_Api_Command_V1_Command], _ call: NamespaceCall
    ) async throws(ServiceError) -> [String: Namespace] {
        var others: [String: Namespace] = [:]
        for command in commands {
            guard let name = command.targetNamespace, name != call.namespace.name,
                others[name] == nil, name.utf8.count <= self.settings.idLengthMax
            else { continue }
            // Where the commands are not enabled, history refuses them, whoever asks.
            if self.settings.enableCrossNamespaceCommands {
                try self.demand(
                    .write, in: name, of: FrontendRPCs.respondWorkflowTaskCompleted, call.context)
            } else if !call.context.caller.may(.write, in: name) {
                continue
            }
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
