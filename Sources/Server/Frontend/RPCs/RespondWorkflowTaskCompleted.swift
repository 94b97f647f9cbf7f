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
        try Self.checkBehavior(request)
        var request = request
        try self.prepareSticky(&request)
        self.failOversizedQueryResults(&request)
        if EagerActivityClients.mishandle(call.context) { Self.declineEagerActivities(&request) }
        let others = try await self.otherNamespaces(namedBy: request.commands, call)
        let flaw =
            self.badBinary(request, call)
            ?? self.badSearchAttributes(in: &request.commands, call, others)
        return try await self.send(
            .respondWorkflowTaskCompleted(token, request, flaw: flaw), to: token.workflowID,
            naming: others.mapValues(\.id), call
        ) { reply -> RespondWorkflowTaskCompletedResponse? in
            if case .workflowTaskCompleted(let response) = reply { response } else { nil }
        }
    }

    private static func checkBehavior(
        _ request: RespondWorkflowTaskCompletedRequest
    ) throws(ServiceError) {
        guard request.versioningBehavior != .unspecified, !request.hasDeployment,
            request.deploymentOptions.workerVersioningMode != .versioned
        else { return }
        throw .invalidArgument(
            "versioning behavior cannot be specified without deployment options being set with versioned mode"
        )
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

    /// Which binaries are bad is known per namespace.
    private func badBinary(
        _ request: RespondWorkflowTaskCompletedRequest, _ call: NamespaceCall
    ) -> CompletionFlaw? {
        let checksum = request.binaryChecksum
        guard call.namespace.record.config.badBinaries.binaries[checksum] != nil else { return nil }
        return CompletionFlaw(
            cause: .badBinary, message: "binary \(checksum) is marked as bad deployment")
    }

    /// Gives search attributes their registered types; finds the first command whose are wrong.
    ///
    /// They are registered per namespace, which history knows nothing of.
    private func badSearchAttributes(
        in commands: inout [Temporal_Api_Command_V1_Command], _ call: NamespaceCall,
        _ others: [String: Namespace]
    ) -> CompletionFlaw? {
        for index in commands.indices {
            let command = commands[index]
            guard let attributes = command.searchAttributes else { continue }
            let target =
                command.startChildWorkflowExecutionCommandAttributes.namespace
            let validation = SearchAttributeValidation(
                others[target] ?? call.namespace, self.settings)
            do throws(ServiceError) {
                commands[index].searchAttributes = try validation.typed(attributes)
            } catch {
                return CompletionFlaw(
                    commandIndex: index, cause: .badSearchAttributes, message: error.message)
            }
            // What an upsert adds is measured with what the run has.
            guard let cause = command.causeOfLargeSearchAttributes,
                let flaw = validation.sizeFlaw(of: attributes)
            else { continue }
            return CompletionFlaw(
                commandIndex: index, cause: cause, message: flaw, terminatesRun: true)
        }
        return nil
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

extension Temporal_Api_Command_V1_Command {
    /// The search attributes it carries, whatever its type.
    fileprivate var searchAttributes: SearchAttributes? {
        get {
            switch self.attributes {
            case .upsertWorkflowSearchAttributesCommandAttributes(let attributes):
                attributes.hasSearchAttributes ? attributes.searchAttributes : nil
            case .continueAsNewWorkflowExecutionCommandAttributes(let attributes):
                attributes.hasSearchAttributes ? attributes.searchAttributes : nil
            case .startChildWorkflowExecutionCommandAttributes(let attributes):
                attributes.hasSearchAttributes ? attributes.searchAttributes : nil
            default: nil
            }
        }
        set {
            guard let newValue else { return }
            switch self.attributes {
            case .upsertWorkflowSearchAttributesCommandAttributes:
                self.upsertWorkflowSearchAttributesCommandAttributes.searchAttributes = newValue
            case .continueAsNewWorkflowExecutionCommandAttributes:
                self.continueAsNewWorkflowExecutionCommandAttributes.searchAttributes = newValue
            case .startChildWorkflowExecutionCommandAttributes:
                self.startChildWorkflowExecutionCommandAttributes.searchAttributes = newValue
            default: return
            }
        }
    }

    /// What its run is ended for if the search attributes of the next run are too large.
    fileprivate var causeOfLargeSearchAttributes: Temporal_Api_Enums_V1_WorkflowTaskFailedCause? {
        switch self.attributes {
        case .continueAsNewWorkflowExecutionCommandAttributes: .badContinueAsNewAttributes
        case .startChildWorkflowExecutionCommandAttributes: .badStartChildExecutionAttributes
        default: nil
        }
    }
}
