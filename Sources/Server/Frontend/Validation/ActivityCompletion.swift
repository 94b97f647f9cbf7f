import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// An activity as a request names it, by token or by id.
struct NamedActivity: Sendable {
    let archetype: Archetype
    /// The id of the workflow it belongs to or, if there is none, its own.
    let workflowID: String
    let reference: ActivityReference

    static func token(_ token: StoredTaskToken) -> NamedActivity {
        let isStandalone = token.archetype == Archetype.activity.rawValue
        return NamedActivity(
            archetype: isStandalone ? .activity : .workflow,
            workflowID: isStandalone ? token.activityID : token.workflowID,
            reference: .token(token))
    }
}

extension FrontendService {
    /// An activity by its ids; without a workflow id it is one of its own.
    ///
    /// - Throws: `invalidArgument` if the ids cannot name an activity.
    func activity(
        workflowID: String, runID: String, activityID: String
    ) throws(ServiceError) -> NamedActivity {
        try self.checkActivityID(activityID)
        let isStandalone = workflowID.isEmpty && self.settings.enableStandaloneActivities
        if !isStandalone { try self.checkWorkflowID(workflowID) }
        try self.checkRunID(runID)
        return NamedActivity(
            archetype: isStandalone ? .activity : .workflow,
            workflowID: isStandalone ? activityID : workflowID,
            reference: .id(runID: RunID(runID), activityID: activityID))
    }

    /// Completes an activity; a result that is too large to keep fails it for good.
    func complete(
        _ activity: NamedActivity, result: Payloads?, worker: TaskWorker, _ call: NamespaceCall
    ) async throws(ServiceError) {
        try self.check(activity, identity: worker.identity)
        if let result, self.isTooLarge(result) {
            return try await self.failForGood(
                activity, because: ServerFailure.resultTooLarge, worker: worker, call)
        }
        try await self.send(
            .respondActivityCompleted(activity.reference, result: result, worker: worker),
            to: activity.workflowID, of: activity.archetype, call)
    }

    /// Fails an activity's attempt.
    /// - Returns: what was cut because it was too large to keep.
    func fail(
        _ activity: NamedActivity, failure: Failure?, lastHeartbeatDetails: Payloads?,
        worker: TaskWorker, _ call: NamespaceCall
    ) async throws(ServiceError) -> [Failure] {
        var failure = failure, details = lastHeartbeatDetails, cut: [Failure] = []
        if let failure {
            guard case .applicationFailureInfo = failure.failureInfo else {
                throw .failureNotApplication
            }
        }
        try self.check(activity, identity: worker.identity)
        if let sent = details, self.isTooLarge(sent) {
            cut.append(ServerFailure.nonRetryable(ServerFailure.heartbeatTooLarge))
            details = nil
        }
        if let sent = failure, PayloadSize.ofMessage(sent) > self.settings.blobSizeErrorMax {
            let replacement = ServerFailure.replacing(sent)
            cut.append(replacement)
            failure = replacement
        }
        try await self.send(
            .respondActivityFailed(
                activity.reference, failure: failure, lastHeartbeatDetails: details,
                worker: worker),
            to: activity.workflowID, of: activity.archetype, call)
        return cut
    }

    /// Reports an activity as canceled; details that are too large to keep fail it for good.
    func cancel(
        _ activity: NamedActivity, details: Payloads?, worker: TaskWorker, _ call: NamespaceCall
    ) async throws(ServiceError) {
        try self.check(activity, identity: worker.identity)
        if let details, self.isTooLarge(details) {
            return try await self.failForGood(
                activity, because: ServerFailure.cancelDetailsTooLarge, worker: worker, call)
        }
        try await self.send(
            .respondActivityCanceled(activity.reference, details: details, worker: worker),
            to: activity.workflowID, of: activity.archetype, call)
    }

    /// Records a heartbeat; details that are too large to keep fail the activity for good, and
    /// its worker is told to stop.
    func heartbeat(
        _ activity: NamedActivity, details: Payloads?, identity: String, _ call: NamespaceCall
    ) async throws(ServiceError) -> RecordActivityTaskHeartbeatResponse {
        try self.check(activity, identity: identity)
        if let details, self.isTooLarge(details) {
            try await self.failForGood(
                activity, because: ServerFailure.heartbeatTooLarge,
                worker: TaskWorker(identity: identity), call)
            return .with { $0.cancelRequested = true }
        }
        return try await self.send(
            .recordActivityHeartbeat(activity.reference, details: details),
            to: activity.workflowID, of: activity.archetype, call
        ) { reply -> RecordActivityTaskHeartbeatResponse? in
            if case .activityHeartbeat(let response) = reply { response } else { nil }
        }
    }

    private func check(_ activity: NamedActivity, identity: String) throws(ServiceError) {
        if activity.archetype == .activity { try self.checkStandaloneActivities() }
        try self.checkIdentity(identity)
    }

    private func failForGood(
        _ activity: NamedActivity, because reason: String, worker: TaskWorker, _ call: NamespaceCall
    ) async throws(ServiceError) {
        try await self.send(
            .respondActivityFailed(
                activity.reference, failure: ServerFailure.nonRetryable(reason),
                lastHeartbeatDetails: nil, worker: worker),
            to: activity.workflowID, of: activity.archetype, call)
    }
}
