import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// A poll takes an activity task, if the task still stands for something.
    mutating func recordStarted(
        _ start: ActivityTaskStart, _ call: Call, _ effects: inout [Effect]
    ) {
        guard let run = self.openRun(start.runID, for: call, &effects) else { return }
        let key = run.state.key
        guard var activity = run.state.activities[start.scheduledEventID],
            activity.stamp == start.stamp, !activity.backingOff
        else {
            return self.refuse(call.id, .obsoleteTask, seeing: key, &effects)
        }
        if activity.startedAt != 0 {
            guard activity.startRequestID == start.requestID else {
                return self.refuse(
                    call.id, ServiceError(.taskAlreadyStarted, "Activity task already started."),
                    seeing: key, &effects)
            }
        } else {
            activity.startedAt = self.now.nanoseconds
            activity.startRequestID = start.requestID
            activity.startedIdentity = start.identity
            // Heartbeats of an earlier attempt say nothing about this one.
            activity.lastHeartbeatAt = 0
            var transition = self.transition(of: run)
            transition.put(activity)
            self.accept(transition, &effects)
        }
        self.reply(
            call.id, .activityTaskStarted(run.state.task(of: activity)), seeing: key, &effects)
    }

    mutating func recordHeartbeat(
        _ reference: ActivityReference, _ details: Payloads?, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let (run, found) = self.startedActivity(reference, call, &effects) else { return }
        var activity = found
        activity.lastHeartbeatAt = self.now.nanoseconds
        if let details { activity.lastHeartbeatDetails = details }
        var transition = self.transition(of: run)
        transition.put(activity)
        self.accept(transition, &effects)
        let response =
            Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatResponse.with {
                $0.cancelRequested = activity.cancelRequested
            }
        self.reply(call.id, .activityHeartbeat(response), seeing: run.state.key, &effects)
    }

    mutating func respondFailed(
        _ reference: ActivityReference, _ failure: Failure?, _ details: Payloads?,
        _ identity: String, _ call: Call, _ effects: inout [Effect]
    ) {
        self.respond(reference, call, &effects) { transition, activity throws(ServiceError) in
            var activity = activity
            if let details { activity.lastHeartbeatDetails = details }
            let state = transition.retryActivity(activity, after: failure, workerIdentity: identity)
            if state != .inProgress {
                transition.failActivity(
                    activity, failure: failure, retryState: state, identity: identity)
            }
        }
    }

    mutating func respondCanceled(
        _ reference: ActivityReference, _ details: Payloads?, _ identity: String, _ call: Call,
        _ effects: inout [Effect]
    ) {
        self.respond(reference, call, &effects) { transition, activity throws(ServiceError) in
            guard activity.cancelRequested else {
                throw .invalidArgument(
                    "unable to mark activity as canceled without activity being request canceled first"
                )
            }
            transition.cancelActivity(activity, details: details, identity: identity)
        }
    }

    /// Ends or retries a started activity.
    ///
    /// With a `completer`, an activity named by its id need not be started: whoever completes it
    /// then counts as the one who took it.
    mutating func respond(
        _ reference: ActivityReference, completer: String? = nil, _ call: Call,
        _ effects: inout [Effect],
        _ change: (inout Transition, StoredActivity) throws(ServiceError) -> Void
    ) {
        guard
            let (run, activity) = self.startedActivity(
                reference, completer: completer, call, &effects)
        else { return }
        var transition = self.transition(of: run)
        do throws(ServiceError) {
            try change(&transition, activity)
        } catch {
            return self.refuse(call.id, error, seeing: run.state.key, &effects)
        }
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: run.state.key, &effects)
    }

    /// The activity a caller means, if it is with a worker; nil if the call has been refused or
    /// waits for its run.
    private mutating func startedActivity(
        _ reference: ActivityReference, completer: String? = nil, _ call: Call,
        _ effects: inout [Effect]
    ) -> (CachedRun, StoredActivity)? {
        let runID: RunID
        switch reference {
        case .token(let token): runID = RunID(token.runID)
        case .id(let id, _): runID = id
        }
        guard let run = self.openRun(runID, for: call, &effects) else { return nil }
        if let activity = run.state.activity(reference) {
            if activity.startedAt != 0 { return (run, activity) }
            if let completer {
                // Completed by its id before any worker took it.
                var started = activity
                started.startedAt = self.now.nanoseconds
                started.startedIdentity = completer
                return (run, started)
            }
        }
        let error = run.state.activityNotFound(reference)
        self.refuse(call.id, error, seeing: run.state.key, &effects)
        return nil
    }
}

extension MutableState {
    /// The activity a caller means; one named by a token only if that attempt is with its worker.
    fileprivate func activity(_ reference: ActivityReference) -> StoredActivity? {
        switch reference {
        case .token(let token):
            let found =
                token.scheduledEventID != 0
                ? self.activities[token.scheduledEventID] : self.activity(named: token.activityID)
            guard let activity = found, activity.startedAt != 0,
                token.scheduledEventID == 0
                    || (activity.attempt == token.attempt && activity.startedAt == token.startedAt)
            else { return nil }
            return activity
        case .id(_, let activityID):
            return self.activity(named: activityID)
        }
    }

    fileprivate func activityNotFound(_ reference: ActivityReference) -> ServiceError {
        if case .id(_, let activityID) = reference, self.activity(named: activityID) == nil {
            return .notFound(
                "cannot find pending activity with ActivityID \(activityID), check workflow execution history for more details"
            )
        }
        return .notFound(
            "invalid activityID or activity already timed out or invoking workflow is completed")
    }

    /// What a worker gets for an activity's current attempt.
    fileprivate func task(of activity: StoredActivity) -> PollActivityTaskResponse {
        let scheduled =
            self.activityScheduledEvents[activity.scheduledEventID]?
            .activityTaskScheduledEventAttributes ?? .init()
        let token = StoredTaskToken.with {
            $0.namespaceID = self.info.namespaceID
            $0.workflowID = self.info.workflowID
            $0.runID = self.info.runID
            $0.scheduledEventID = activity.scheduledEventID
            $0.startedAt = activity.startedAt
            $0.attempt = activity.attempt
            $0.activityID = activity.activityID
            $0.activityType = activity.activityType
        }
        return .with {
            $0.taskToken = Data(MutableState.bytes(token))
            $0.workflowNamespace = self.info.namespaceName
            $0.workflowType.name = self.info.workflowType
            $0.workflowExecution = self.execution
            $0.activityType = scheduled.activityType
            $0.activityID = activity.activityID
            if scheduled.hasHeader { $0.header = scheduled.header }
            if scheduled.hasInput { $0.input = scheduled.input }
            if activity.hasLastHeartbeatDetails {
                $0.heartbeatDetails = activity.lastHeartbeatDetails
            }
            $0.scheduledTime = Timestamp(nanoseconds: activity.firstScheduledAt).proto
            $0.currentAttemptScheduledTime = Timestamp(nanoseconds: activity.scheduledAt).proto
            $0.startedTime = Timestamp(nanoseconds: activity.startedAt).proto
            $0.attempt = activity.attempt
            $0.scheduleToCloseTimeout = scheduled.scheduleToCloseTimeout
            $0.startToCloseTimeout = scheduled.startToCloseTimeout
            $0.heartbeatTimeout = scheduled.heartbeatTimeout
            $0.retryPolicy = scheduled.retryPolicy
            $0.priority = self.priority(of: activity)
        }
    }
}
