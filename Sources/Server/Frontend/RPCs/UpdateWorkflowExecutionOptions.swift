import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func updateWorkflowExecutionOptions(
        _ request: UpdateWorkflowExecutionOptionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> UpdateWorkflowExecutionOptionsResponse {
        var request = request
        try self.checkWorkflowID(request.workflowExecution.workflowID)
        try self.checkRunID(request.workflowExecution.runID)
        guard request.hasUpdateMask else { throw .invalidArgument("UpdateMask is required") }
        guard request.hasWorkflowExecutionOptions else {
            throw .invalidArgument("WorkflowExecutionOptions is required")
        }
        try self.prepareOptions(&request.workflowExecutionOptions, request.updateMask.paths)
        return try await self.send(
            .updateOptions(request), to: request.workflowExecution.workflowID, call
        ) { reply -> UpdateWorkflowExecutionOptionsResponse? in
            if case .optionsUpdated(let response) = reply { response } else { nil }
        }
    }

    /// Checks a change of a run's options and fills in what it leaves open.
    func prepareOptions(
        _ options: inout Temporal_Api_Workflow_V1_WorkflowExecutionOptions, _ paths: [String]
    ) throws(ServiceError) {
        try checkOptionPaths(paths)
        try self.checkPriority(options.priority)
        guard options.hasVersioningOverride else { return }
        // Which version a run is pinned to now is for history to fill in.
        guard !options.versioningOverride.isPinnedInPlace else { return }
        options.versioningOverride = try validOverride(options.versioningOverride)
    }
}

extension VersioningOverride {
    /// Whether the run is to be pinned to the version it is pinned to.
    fileprivate var isPinnedInPlace: Bool {
        if case .pinned(let pinned) = self.override {
            pinned.behavior != .unspecified && !pinned.hasVersion
        } else {
            false
        }
    }
}

/// Checks a field mask of workflow execution options.
private func checkOptionPaths(_ paths: [String]) throws(ServiceError) {
    let legacy = ["versioning_override.behavior", "versioning_override.deployment"]
    let priority = [
        "priority", "priority.priority_key", "priority.fairness_key", "priority.fairness_weight",
    ]
    for path in paths {
        switch path.prefix(while: { $0 != "." }) {
        case "versioning_override":
            guard path == "versioning_override" || legacy.contains(path) else {
                throw .optionsNotApplied("versioning_override doesn't support partial updates")
            }
        case "time_skipping_config": throw .notBuilt("time_skipping_config is")
        case "priority" where priority.contains(path): break
        default:
            throw .invalidArgument(
                "error parsing UpdateMask: invalid path \"\(path.prefix(200))\" for message \"temporal.api.workflow.v1.WorkflowExecutionOptions\""
            )
        }
    }
    guard legacy.allSatisfy(paths.contains) || !legacy.contains(where: paths.contains) else {
        throw .optionsNotApplied("versioning_override fields must be updated together")
    }
}

extension ServiceError {
    fileprivate static func optionsNotApplied(_ reason: String) -> ServiceError {
        .invalidArgument("error applying update_options: \(reason)")
    }
}
