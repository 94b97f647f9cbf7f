import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

typealias VersioningOverride = Temporal_Api_Workflow_V1_VersioningOverride

/// An override in the form it is kept in; whether its version exists is for history to say.
/// - Throws: `invalidArgument` if it is incomplete.
func validOverride(_ override: VersioningOverride) throws(ServiceError) -> VersioningOverride {
    switch override.override {
    case .autoUpgrade(let isSet):
        guard isSet else { throw .invalidArgument("auto-upgrade override must be true") }
        return override
    case .pinned(let pinned):
        guard pinned.hasVersion else {
            throw .invalidArgument("must provide version if override is pinned.")
        }
        guard pinned.behavior != .unspecified else {
            throw .invalidArgument("must specify pinned override behavior if override is pinned.")
        }
        return override
    case .oneTime(let oneTime):
        guard oneTime.hasTargetDeploymentVersion else {
            throw .invalidArgument(
                "must provide target deployment version if override is one-time.")
        }
        return override
    case nil:
        return try validLegacyOverride(override)
    }
}

/// Reads the fields that came before the choice of kinds.
private func validLegacyOverride(
    _ override: VersioningOverride
) throws(ServiceError) -> VersioningOverride {
    switch override.behavior {
    case .pinned:
        guard override.hasDeployment || !override.pinnedVersion.isEmpty else {
            throw .invalidArgument(
                "must provide deployment (deprecated) or pinned version if behavior is 'PINNED'")
        }
        return override
    case .autoUpgrade:
        guard !override.hasDeployment else {
            throw .invalidArgument("only provide deployment if behavior is 'PINNED'")
        }
        guard override.pinnedVersion.isEmpty else {
            throw .invalidArgument("only provide pinned version if behavior is 'PINNED'")
        }
        return .with { $0.autoUpgrade = true }
    case .unspecified: throw .invalidArgument("override behavior is required")
    case .UNRECOGNIZED(let number):
        throw .invalidArgument("override behavior \(number) not recognized")
    }
}
