import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func respondWorkflowTaskCompleted(
        _ request: RespondWorkflowTaskCompletedRequest, _ token: StoredTaskToken,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> RespondWorkflowTaskCompletedResponse {
        try self.checkIdentity(request.identity)
        try self.checkVersioning(
            usesVersioning: request.workerVersionStamp.useVersioning,
            options: request.deploymentOptions)
        guard !request.intermediatePage, request.pageNumber == 0 else {
            throw .notBuilt("paged workflow task completions are")
        }
        var request = request
        try self.prepareSticky(&request)
        self.failOversizedQueryResults(&request)
        if call.namespace.record.config.badBinaries.binaries[request.binaryChecksum] != nil {
            try await self.fail(
                request, token, call, .badBinary,
                "BadBinary: binary \(request.binaryChecksum) is marked as bad deployment")
        }
        if EagerActivityClients.mishandle(call.context) { Self.declineEagerActivities(&request) }
        let others = try await self.otherNamespaces(namedBy: request.commands, call)
        do throws(ServiceError) {
            try self.checkSearchAttributes(of: &request.commands, call, others)
        } catch {
            try await self.fail(
                request, token, call, .badSearchAttributes, "BadSearchAttributes: \(error.message)")
        }
        return try await self.send(
            .respondWorkflowTaskCompleted(token, request), to: token.workflowID,
            naming: others.mapValues(\.id), call
        ) { reply -> RespondWorkflowTaskCompletedResponse? in
            if case .workflowTaskCompleted(let response) = reply { response } else { nil }
        }
    }

    private func prepareSticky(
        _ request: inout RespondWorkflowTaskCompletedRequest
    ) throws(ServiceError) {
        guard !request.stickyAttributes.workerTaskQueue.name.isEmpty else {
            request.clearStickyAttributes()
            return
        }
        try self.checkTaskQueueName(request.stickyAttributes.workerTaskQueue.name)
        request.stickyAttributes.workerTaskQueue.kind = .sticky
        guard let timeout = validDuration(request.stickyAttributes.scheduleToStartTimeout) else {
            throw .invalidArgument(
                "An invalid ScheduleToStartTimeout is set on StickyAttributes.")
        }
        request.stickyAttributes.scheduleToStartTimeout = timeout.proto
    }

    /// An answer nobody could be sent is a failed query, not a failed workflow task.
    private func failOversizedQueryResults(_ request: inout RespondWorkflowTaskCompletedRequest) {
        for (id, result) in request.queryResults {
            if self.isTooLarge(result.answer) {
                request.queryResults[id] = .with {
                    $0.resultType = .failed
                    $0.errorMessage = ServiceError.blobTooLarge.message
                }
            } else if PayloadSize.ofMessage(result.failure) > self.settings.blobSizeErrorMax {
                request.queryResults[id]?.failure = ServerFailure.replacing(result.failure)
            }
        }
    }

    /// Search attributes are registered per namespace, which history knows nothing of.
    private func checkSearchAttributes(
        of commands: inout [Temporal_Api_Command_V1_Command], _ call: NamespaceCall,
        _ others: [String: Namespace]
    ) throws(ServiceError) {
        let validation = SearchAttributeValidation(call.namespace, self.settings)
        for index in commands.indices {
            switch commands[index].attributes {
            case .upsertWorkflowSearchAttributesCommandAttributes(var attributes):
                attributes.searchAttributes = try validation.checked(attributes.searchAttributes)
                commands[index].upsertWorkflowSearchAttributesCommandAttributes = attributes
            case .continueAsNewWorkflowExecutionCommandAttributes(var attributes)
            where attributes.hasSearchAttributes:
                attributes.searchAttributes = try validation.checked(attributes.searchAttributes)
                commands[index].continueAsNewWorkflowExecutionCommandAttributes = attributes
            case .startChildWorkflowExecutionCommandAttributes(var attributes)
            where attributes.hasSearchAttributes:
                let target = others[attributes.namespace] ?? call.namespace
                attributes.searchAttributes = try SearchAttributeValidation(target, self.settings)
                    .checked(attributes.searchAttributes)
                commands[index].startChildWorkflowExecutionCommandAttributes = attributes
            default: continue
            }
        }
    }

    /// Fails the workflow task for a reason only the namespace knows, and says so.
    private func fail(
        _ request: RespondWorkflowTaskCompletedRequest, _ token: StoredTaskToken,
        _ call: NamespaceCall, _ cause: Temporal_Api_Enums_V1_WorkflowTaskFailedCause,
        _ message: String
    ) async throws(ServiceError) -> Never {
        let failed = RespondWorkflowTaskFailedRequest.with {
            $0.taskToken = request.taskToken
            $0.namespace = request.namespace
            $0.identity = request.identity
            $0.binaryChecksum = request.binaryChecksum
            $0.cause = cause
            $0.failure = ServerFailure.nonRetryable(message)
        }
        try await self.send(.respondWorkflowTaskFailed(token, failed), to: token.workflowID, call)
        throw .invalidArgument(message)
    }

    private static func declineEagerActivities(
        _ request: inout RespondWorkflowTaskCompletedRequest
    ) {
        for index in request.commands.indices {
            guard
                case .scheduleActivityTaskCommandAttributes(var attributes) =
                    request
                    .commands[index].attributes
            else { continue }
            attributes.requestEagerExecution = false
            request.commands[index].scheduleActivityTaskCommandAttributes = attributes
        }
    }
}
