import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Changes what the mask names; without a change nothing is written.
    mutating func updateOptions(
        _ request: Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionOptionsRequest,
        _ call: Call, _ effects: inout [Effect]
    ) {
        let runID = RunID(request.workflowExecution.runID)
        guard let run = self.openRun(runID, for: call, &effects) else { return }
        if request.workflowExecutionOptions.hasVersioningOverride,
            let error = request.workflowExecutionOptions.versioningOverride.refusal(for: run)
        {
            return self.refuse(call.id, error, seeing: run.state.key, &effects)
        }
        var transition = self.transition(of: run)
        let isChange = transition.updateOptions(
            request.workflowExecutionOptions, paths: request.updateMask.paths,
            identity: request.identity)
        let response =
            Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionOptionsResponse.with {
                $0.workflowExecutionOptions = transition.state.options
            }
        if isChange { self.accept(transition, &effects) }
        self.reply(call.id, .optionsUpdated(response), seeing: run.state.key, &effects)
    }
}

extension Transition {
    /// Attaches what a start request brings to this run, which was there already.
    mutating func attach(
        _ request: Temporal_Api_Workflowservice_V1_StartWorkflowExecutionRequest
    ) {
        let options = request.onConflictOptions
        self.appendOptionsUpdated(links: options.attachLinks ? request.links : []) {
            if options.attachRequestID { $0.attachedRequestID = request.requestID }
            if options.attachCompletionCallbacks {
                $0.attachedCompletionCallbacks = request.completionCallbacks
            }
        }
    }

    /// Takes over what the paths of a field mask name; the caller has checked them.
    /// - Returns: whether anything changed; without a change there is no event.
    mutating func updateOptions(
        _ new: Temporal_Api_Workflow_V1_WorkflowExecutionOptions, paths: [String], identity: String
    ) -> Bool {
        var options = self.state.options
        options.merge(new, paths: paths)
        guard options != self.state.options else { return false }
        self.set(options, identity: identity)
        return true
    }

    private mutating func set(
        _ options: Temporal_Api_Workflow_V1_WorkflowExecutionOptions, identity: String
    ) {
        let isOtherPriority = options.priority != self.state.info.priority
        self.appendOptionsUpdated {
            if options.hasVersioningOverride {
                $0.versioningOverride = options.versioningOverride
            } else {
                $0.unsetVersioningOverride = true
            }
            if options.hasPriority { $0.priority = options.priority }
            $0.identity = identity
        }
        if isOtherPriority { self.redispatchWorkflowTask() }
    }

    private mutating func appendOptionsUpdated(
        links: [Temporal_Api_Common_V1_Link] = [],
        configure: (
            inout Temporal_Api_History_V1_WorkflowExecutionOptionsUpdatedEventAttributes
        ) -> Void
    ) {
        self.append(
            .workflowExecutionOptionsUpdated,
            .workflowExecutionOptionsUpdatedEventAttributes(.with(configure))
        ) {
            $0.links = links
            $0.workerMayIgnore = true
        }
    }
}

extension MutableState {
    fileprivate var options: Temporal_Api_Workflow_V1_WorkflowExecutionOptions {
        .with {
            if self.info.hasVersioningOverride {
                $0.versioningOverride = self.info.versioningOverride
            }
            if self.info.hasPriority { $0.priority = self.info.priority }
        }
    }
}

extension Temporal_Api_Workflow_V1_WorkflowExecutionOptions {
    /// Takes over what the paths of a field mask name; the caller has checked them.
    fileprivate mutating func merge(_ new: Self, paths: [String]) {
        for path in paths {
            switch path {
            case "versioning_override", "versioning_override.behavior",
                "versioning_override.deployment":
                if new.hasVersioningOverride {
                    self.versioningOverride = new.versioningOverride
                } else {
                    self.clearVersioningOverride()
                }
            case "priority":
                if new.hasPriority { self.priority = new.priority } else { self.clearPriority() }
            case "priority.priority_key": self.priority.priorityKey = new.priority.priorityKey
            case "priority.fairness_key": self.priority.fairnessKey = new.priority.fairnessKey
            case "priority.fairness_weight":
                self.priority.fairnessWeight = new.priority.fairnessWeight
            default: break
            }
        }
    }
}
