import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension Temporal_Api_Workflow_V1_VersioningOverride {
    /// Why a run on this task queue cannot be given this override; nil if it can.
    ///
    /// No task queue has worker deployment versions, so no run can be moved to one.
    func refusal(taskQueue: String) -> ServiceError? {
        let version: String
        switch self.override {
        case .autoUpgrade: return nil
        case .pinned(let pinned):
            version = "\(pinned.version.deploymentName):\(pinned.version.buildID)"
        case .oneTime(let oneTime):
            let target = oneTime.targetDeploymentVersion
            version = "\(target.deploymentName):\(target.buildID)"
        case nil:
            version =
                self.hasDeployment
                ? "\(self.deployment.seriesName):\(self.deployment.buildID)" : self.pinnedVersion
        }
        return ServiceError(
            .failedPrecondition,
            "Pinned version '\(version)' is not present in task queue '\(taskQueue)' of type 'Workflow'"
        )
    }

    /// As ``refusal(taskQueue:)`` for a run that exists, which may be asked to stay where it is.
    func refusal(for run: CachedRun) -> ServiceError? {
        if case .pinned(let pinned) = self.override, !pinned.hasVersion {
            return ServiceError(
                .failedPrecondition,
                "must specify a specific pinned override version because workflow with id \(run.state.info.workflowID) has behavior Unspecified and is not yet pinned to any version"
            )
        }
        return self.refusal(taskQueue: run.state.info.taskQueue)
    }
}
