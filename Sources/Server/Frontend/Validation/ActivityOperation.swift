import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    /// What the requests by execution about pending activities have in common.
    func checkActivityOperation(
        _ execution: WorkflowExecution, identity: String, isActivityNamed: Bool
    ) throws(ServiceError) {
        try self.checkWorkflowID(execution.workflowID)
        try self.checkRunID(execution.runID)
        try self.checkIdentity(identity)
        guard isActivityNamed else { throw .activityIDOrTypeNotSet }
    }

    /// What the requests by activity id have in common.
    ///
    /// - Throws: `unimplemented` for an activity of no workflow: operators cannot change those.
    func checkActivityOperation(
        workflowID: String, activityID: String, runID: String, identity: String, requestID: String
    ) throws(ServiceError) {
        guard !workflowID.isEmpty else {
            try self.checkStandaloneActivities()
            throw ServiceError(
                .unimplemented, "Standalone activity operator commands are disabled")
        }
        try self.checkRequestID(requestID)
        try self.checkNamedActivity(activityID, runID: runID, identity: identity)
        try self.checkWorkflowID(workflowID)
    }

    /// Checks an activity's id as the newer requests do.
    func checkNamedActivity(
        _ activityID: String, runID: String, identity: String
    ) throws(ServiceError) {
        let lengthMax = self.settings.idLengthMax
        guard !activityID.isEmpty else { throw .invalidArgument("activity ID is required") }
        guard activityID.utf8.count <= lengthMax else {
            throw .invalidArgument(
                "activity ID exceeds length limit. Length=\(activityID.utf8.count) Limit=\(lengthMax)"
            )
        }
        guard identity.utf8.count <= lengthMax else {
            throw .invalidArgument(
                "identity exceeds length limit. Length=\(identity.utf8.count) Limit=\(lengthMax)")
        }
        guard runID.isEmpty || isUUID(runID) else {
            throw .invalidArgument("invalid run id: must be a valid UUID")
        }
    }

    /// The longest wait by which changed activities are spread.
    func jitter(_ proto: Google_Protobuf_Duration) throws(ServiceError) -> Duration {
        guard let jitter = validDuration(proto) else {
            throw .invalidArgument("An invalid Jitter is set on request.")
        }
        return jitter
    }

    /// Changes pending activities of a workflow.
    /// - Returns: the options the last of them has now, if options were changed.
    @discardableResult
    func change(
        _ selection: ActivitySelection, of execution: WorkflowExecution, _ change: ActivityChange,
        _ call: NamespaceCall
    ) async throws(ServiceError) -> Temporal_Api_Activity_V1_ActivityOptions {
        try await self.send(
            .changeActivities(runID: RunID(execution.runID), selection, change),
            to: execution.workflowID, call
        ) { reply -> Temporal_Api_Activity_V1_ActivityOptions? in
            if case .activitiesChanged(let options) = reply { options } else { nil }
        }
    }
}

extension WorkflowExecution {
    init(workflowID: String, runID: String) {
        self.init()
        self.workflowID = workflowID
        self.runID = runID
    }
}

/// The change of options a request asks for.
struct ActivityOptionsUpdate {
    var options: Temporal_Api_Activity_V1_ActivityOptions?
    var mask: Google_Protobuf_FieldMask?
    var restoresOriginal: Bool

    /// - Throws: `invalidArgument` if it is not clear what is wanted, or an option is not valid.
    func change(_ service: FrontendService) throws(ServiceError) -> ActivityChange {
        if let mask, !mask.paths.isEmpty, self.restoresOriginal {
            throw .invalidArgument("Both UpdateMask and RestoreOriginal are provided")
        }
        if self.restoresOriginal { return .restoreOptions }
        guard let options else { throw .invalidArgument("ActivityOptions are not provided") }
        guard let mask else { throw .invalidArgument("UpdateMask is not provided") }
        guard !mask.paths.isEmpty else {
            throw .invalidArgument("UpdateMask must specify at least one path")
        }
        var fields: Set<String> = []
        for path in mask.paths {
            let field = Self.camelCase(path)
            guard Self.fields.contains(field) else {
                throw .invalidArgument("unsupported update_mask path: \"\(path.prefix(100))\"")
            }
            fields.insert(field)
        }
        if fields.contains("taskQueue.name"), options.hasTaskQueue {
            try service.checkTaskQueueName(options.taskQueue.name)
            guard options.taskQueue.name != systemTaskQueueName else {
                throw .taskQueueInternal
            }
        }
        try service.checkPriority(options.priority)
        return .update(options, fields: fields)
    }

    /// A path with its words joined: `retry_policy.maximum_attempts` is `retryPolicy.maximumAttempts`.
    private static func camelCase(_ path: String) -> String {
        path.split(separator: ".", omittingEmptySubsequences: false).map { part in
            let words = part.split(separator: "_", omittingEmptySubsequences: false)
            return words.enumerated().map { index, word in
                index == 0
                    ? word.prefix(1).lowercased() + word.dropFirst()
                    : word.prefix(1).uppercased() + word.dropFirst().lowercased()
            }.joined()
        }.joined(separator: ".")
    }

    private static let fields: Set<String> = [
        "taskQueue.name", "scheduleToCloseTimeout", "scheduleToStartTimeout",
        "startToCloseTimeout", "heartbeatTimeout", "priority", "priority.priorityKey",
        "priority.fairnessKey", "priority.fairnessWeight", "retryPolicy",
        "retryPolicy.initialInterval", "retryPolicy.backoffCoefficient",
        "retryPolicy.maximumInterval", "retryPolicy.maximumAttempts",
    ]
}
