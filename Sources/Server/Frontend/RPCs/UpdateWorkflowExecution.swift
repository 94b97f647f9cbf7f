import DynamicConfig
import Primitives
import ServiceClients
import TemporalAPI

extension FrontendService {
    func updateWorkflowExecution(
        _ request: UpdateWorkflowExecutionRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> UpdateWorkflowExecutionResponse {
        var request = request
        try self.prepareUpdate(&request)
        return try await self.send(
            .update(request), to: request.workflowExecution.workflowID, call
        ) { reply -> UpdateWorkflowExecutionResponse? in
            if case .updated(let response) = reply { response } else { nil }
        }
    }

    /// Checks an update and fills in what it leaves open.
    func prepareUpdate(_ request: inout UpdateWorkflowExecutionRequest) throws(ServiceError) {
        try self.checkExecution(request.workflowExecution, isSet: request.hasWorkflowExecution)
        guard request.request.hasMeta else { throw .updateMetaNotSet }
        try self.checkUpdateID(request.request.meta.updateID)
        if request.request.meta.updateID.isEmpty { request.request.meta.updateID = self.uuid() }
        guard request.request.hasInput else { throw .updateInputNotSet }
        guard !request.request.input.name.isEmpty else { throw .updateNameNotSet }
        guard self.settings.enableUpdates else { throw .updatesDisabled }
        try self.setStage(of: &request.waitPolicy)
        guard !request.request.hasPropagatedNexusSerializationContext else {
            throw .notBuilt("propagated_nexus_serialization_context is")
        }
        try self.checkLinks(request.request.links)
        try self.checkBlob(request.request.input.args)
    }

    private func checkUpdateID(_ id: String) throws(ServiceError) {
        guard id.utf8.count <= self.settings.idLengthMax else { throw .updateIDTooLong }
    }

    /// Who says nothing waits for the outcome.
    private func setStage(
        of policy: inout Temporal_Api_Update_V1_WaitPolicy
    ) throws(ServiceError) {
        switch policy.lifecycleStage {
        case .unspecified: policy.lifecycleStage = .completed
        case .completed: break
        case .accepted:
            guard self.settings.enableUpdatesAsyncAccepted else { throw .updateAcceptedDisabled }
        case .admitted: throw .updateAdmittedUnsupported
        case .UNRECOGNIZED(let number):
            throw .invalidArgument("unknown UpdateWorkflowExecutionLifecycleStage \(number)")
        }
    }
}

extension ServiceError {
    fileprivate static let updateMetaNotSet = invalidArgument("Update meta is not set on request.")
    fileprivate static let updateInputNotSet = invalidArgument(
        "Update input is not set on request.")
    fileprivate static let updateNameNotSet = invalidArgument("Update name is not set on request.")
    fileprivate static let updateIDTooLong = invalidArgument("UpdateId length exceeds limit.")
    static let updatesDisabled = ServiceError(
        .permissionDenied(reason: ""),
        "UpdateWorkflowExecution operation is disabled on this namespace.")
    fileprivate static let updateAcceptedDisabled = ServiceError(
        .permissionDenied(reason: ""),
        "UpdateWorkflowExecution issued asynchronously and waiting on update accepted is disabled on this namespace."
    )
    fileprivate static let updateAdmittedUnsupported = ServiceError(
        .permissionDenied(reason: ""),
        "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not supported."
    )
}
