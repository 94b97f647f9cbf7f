import FoundationEssentials
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// A poll takes an attempt, if its task still stands for something.
    mutating func recordStart(
        _ start: ActivityTaskStart, _ call: Call, _ effects: inout [Effect]
    ) {
        guard let activity = self.activity(start.runID, for: call, &effects) else { return }
        var state = activity.state
        let key = state.key, attempt = state.info.activity
        if state.isStarted {
            guard attempt.startRequestID == start.requestID else {
                let error = ServiceError(.taskAlreadyStarted, "Activity task already started.")
                return self.refuse(call.id, error, seeing: key, &effects)
            }
        } else {
            guard state.isRunning, attempt.stamp == start.stamp, !attempt.backingOff else {
                return self.refuse(call.id, .obsoleteTask, seeing: key, &effects)
            }
            var transition = self.transition(of: state)
            transition.start(requestID: start.requestID, identity: start.worker.identity)
            state = transition.state
            self.accept(transition, &effects)
        }
        self.reply(call.id, .activityTaskStarted(state.task), seeing: key, &effects)
    }

    mutating func recordActivityHeartbeat(
        _ reference: ActivityReference, _ details: Payloads?, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let state = self.reported(reference, call, &effects) else { return }
        var transition = self.transition(of: state)
        transition.heartbeat(details)
        self.accept(transition, &effects)
        let response = Temporal_Api_Workflowservice_V1_RecordActivityTaskHeartbeatResponse.with {
            $0.cancelRequested = state.isCancelRequested
        }
        self.reply(call.id, .activityHeartbeat(response), seeing: state.key, &effects)
    }

    /// Does what a worker reports of the attempt it has.
    ///
    /// Whoever completes an activity by its id need not have taken it.
    mutating func report(
        _ reference: ActivityReference, completes: Bool = false, _ call: Call,
        _ effects: inout [Effect],
        _ change: (inout StandaloneActivityTransition) throws(ServiceError) -> Void
    ) {
        guard let state = self.reported(reference, completes: completes, call, &effects) else {
            return
        }
        var transition = self.transition(of: state)
        do throws(ServiceError) {
            try change(&transition)
        } catch {
            return self.refuse(call.id, error, seeing: state.key, &effects)
        }
        self.accept(transition, &effects)
        self.reply(call.id, .done, seeing: state.key, &effects)
    }

    /// The activity a report is about; nil if the call has been refused or waits for it.
    private mutating func reported(
        _ reference: ActivityReference, completes: Bool = false, _ call: Call,
        _ effects: inout [Effect]
    ) -> StandaloneActivityState? {
        let runID: RunID
        switch reference {
        case .token(let token): runID = RunID(token.runID)
        case .id(let id, _): runID = id
        }
        guard let state = self.activity(runID, for: call, &effects)?.state else { return nil }
        guard state.accepts(reference, completes: completes) else {
            self.refuse(
                call.id, .activityNotFound(state.key.workflowID), seeing: state.key, &effects)
            return nil
        }
        return state
    }
}

extension StandaloneActivityState {
    /// Whether a report is about the attempt that is with a worker.
    fileprivate func accepts(_ reference: ActivityReference, completes: Bool) -> Bool {
        switch reference {
        case .token(let token):
            let activity = self.info.activity
            return self.isStarted && activity.attempt == token.attempt
                && activity.startedAt == token.startedAt
        case .id: return self.isStarted || (completes && self.isRunning)
        }
    }

    /// What a worker gets for the current attempt.
    fileprivate var task: PollActivityTaskResponse {
        let activity = self.info.activity
        let token = StoredTaskToken.with {
            $0.archetype = Archetype.activity.rawValue
            $0.namespaceID = self.info.namespaceID
            $0.runID = self.info.runID
            $0.startedAt = activity.startedAt
            $0.attempt = activity.attempt
            $0.activityID = activity.activityID
            $0.activityType = activity.activityType
        }
        return .with {
            $0.taskToken = Data(MutableState.bytes(token))
            $0.workflowNamespace = self.info.namespaceName
            $0.activityType.name = activity.activityType
            $0.activityID = activity.activityID
            $0.activityRunID = self.info.runID
            if self.request.hasHeader { $0.header = self.request.header }
            if self.request.hasInput { $0.input = self.request.input }
            if activity.hasLastHeartbeatDetails {
                $0.heartbeatDetails = activity.lastHeartbeatDetails
            }
            $0.scheduledTime = Timestamp(nanoseconds: self.info.scheduledAt).proto
            $0.currentAttemptScheduledTime = Timestamp(nanoseconds: activity.scheduledAt).proto
            $0.startedTime = Timestamp(nanoseconds: activity.startedAt).proto
            $0.attempt = activity.attempt
            $0.scheduleToCloseTimeout = Duration.nanoseconds(activity.scheduleToCloseNs).proto
            $0.startToCloseTimeout = Duration.nanoseconds(activity.startToCloseNs).proto
            $0.heartbeatTimeout = Duration.nanoseconds(activity.heartbeatNs).proto
            $0.retryPolicy = activity.retryPolicy
            if activity.hasPriority { $0.priority = activity.priority }
        }
    }
}
