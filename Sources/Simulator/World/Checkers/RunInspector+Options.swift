import TemporalAPI

extension RunInspector {
    /// The options a run is described with are those of its start, and what became of them.
    func compareOptions(
        _ info: WorkflowExecutionInfo, with run: Run, _ workflowID: String
    ) {
        var options = WorkflowOptions()
        for event in run.events {
            switch event.attributes {
            case .workflowExecutionStartedEventAttributes(let start):
                if start.hasPriority { options.priority = start.priority }
                if start.hasVersioningOverride {
                    options.versioningOverride = start.versioningOverride
                }
            case .workflowExecutionOptionsUpdatedEventAttributes(let updated):
                if updated.hasPriority { options.priority = updated.priority }
                if updated.unsetVersioningOverride { options.clearVersioningOverride() }
                if updated.hasVersioningOverride {
                    options.versioningOverride = updated.versioningOverride
                }
            default: break
            }
        }
        if info.priority != options.priority
            || info.versioningInfo.versioningOverride != options.versioningOverride
        {
            self.world.fail("\(workflowID), run \(run.id), is described with other options")
        }
    }
}
