import FoundationEssentials
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    /// Answers with the state as it is or, to a caller who has seen that, when it changes.
    mutating func describeActivity(
        _ request: DescribeActivityRequest, _ call: Call, _ effects: inout [Effect]
    ) {
        guard let activity = self.activity(RunID(request.runID), for: call, &effects) else {
            return
        }
        let key = activity.state.key
        guard !request.longPollToken.isEmpty else {
            let description = activity.state.description(for: request, now: self.now)
            return self.reply(
                call.id, .standaloneActivity(.described(description)), seeing: key, &effects)
        }
        guard let token = try? StoredActivityStateToken(serializedBytes: request.longPollToken),
            !token.runID.isEmpty
        else {
            let error = ServiceError.invalidArgument("invalid long poll token")
            return self.refuse(call.id, error, seeing: nil, &effects)
        }
        guard token.isOf(key) else {
            let error = ServiceError.invalidArgument("long poll token does not match execution")
            return self.refuse(call.id, error, seeing: nil, &effects)
        }
        self.answerOrWait(
            .change(after: token.stateTransitionCount, request), activity.state, call, &effects)
    }

    /// Answers with the outcome once there is one.
    mutating func pollActivity(
        _ request: Temporal_Api_Workflowservice_V1_PollActivityExecutionRequest, _ call: Call,
        _ effects: inout [Effect]
    ) {
        guard let activity = self.activity(RunID(request.runID), for: call, &effects) else {
            return
        }
        self.answerOrWait(.outcome, activity.state, call, &effects)
    }

    private mutating func answerOrWait(
        _ wish: ActivityWaiter.Wish, _ state: StandaloneActivityState, _ call: Call,
        _ effects: inout [Effect]
    ) {
        if let reply = state.reply(to: wish, now: self.now) {
            return self.reply(call.id, .standaloneActivity(reply), seeing: state.key, &effects)
        }
        let deadline = self.longPollDeadline(of: call)
        guard deadline > self.now else {
            return self.reply(call.id, .standaloneActivity(wish.emptyReply), seeing: nil, &effects)
        }
        self.wait(
            ActivityWaiter(id: call.id, wish: wish, deadline: deadline), onActivity: state.key)
    }
}

typealias DescribeActivityRequest = Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest

extension StoredActivityStateToken {
    fileprivate func isOf(_ key: WorkflowKey) -> Bool {
        self.namespaceID == key.namespaceID.rawValue && self.activityID == key.workflowID.rawValue
            && self.runID == key.runID.rawValue
    }
}

extension StandaloneActivityState {
    /// What callers who poll get when it has closed.
    var outcomeResponse: Temporal_Api_Workflowservice_V1_PollActivityExecutionResponse {
        .with {
            $0.runID = self.info.runID
            $0.outcome = self.info.outcome
        }
    }

    func description(
        for request: DescribeActivityRequest, now: Timestamp
    ) -> Temporal_Api_Workflowservice_V1_DescribeActivityExecutionResponse {
        let token = StoredActivityStateToken.with {
            $0.namespaceID = self.info.namespaceID
            $0.activityID = self.info.activity.activityID
            $0.runID = self.info.runID
            $0.stateTransitionCount = self.info.stateTransitionCount
        }
        var details = self.executionInfo(now: now)
        if request.includeHeartbeatDetails, self.info.activity.hasLastHeartbeatDetails {
            details.heartbeatDetails = self.info.activity.lastHeartbeatDetails
        }
        if request.includeLastFailure, self.info.activity.hasLastFailure {
            details.lastFailure = self.info.activity.lastFailure
        }
        return .with {
            $0.runID = self.info.runID
            $0.info = details
            $0.longPollToken = Data(MutableState.bytes(token))
            if request.includeInput, self.request.hasInput { $0.input = self.request.input }
            if request.includeOutcome, self.info.hasOutcome { $0.outcome = self.info.outcome }
        }
    }

    private func executionInfo(
        now: Timestamp
    ) -> Temporal_Api_Activity_V1_ActivityExecutionInfo {
        var info = self.optionsInfo
        let activity = self.info.activity
        info.status = self.info.status
        info.runState = self.pendingState
        info.attempt = activity.attempt
        info.scheduleTime = Timestamp(nanoseconds: self.info.scheduledAt).proto
        info.executionTime = self.firstDispatchAt.proto
        if let expiresAt { info.expirationTime = expiresAt.proto }
        if self.info.lastStartedAt != 0 {
            info.lastStartedTime = Timestamp(nanoseconds: self.info.lastStartedAt).proto
        }
        info.lastWorkerIdentity = activity.lastWorkerIdentity
        if activity.lastHeartbeatAt != 0 {
            info.lastHeartbeatTime = Timestamp(nanoseconds: activity.lastHeartbeatAt).proto
        }
        info.totalHeartbeatCount = self.info.heartbeatCount
        if activity.lastAttemptCompleteAt != 0 {
            info.lastAttemptCompleteTime =
                Timestamp(nanoseconds: activity.lastAttemptCompleteAt).proto
        }
        if activity.backingOff, activity.scheduledAt > now.nanoseconds {
            info.nextAttemptScheduleTime = Timestamp(nanoseconds: activity.scheduledAt).proto
            if activity.attempt > 1 {
                info.currentRetryInterval =
                    Duration.nanoseconds(activity.scheduledAt - activity.lastAttemptCompleteAt)
                    .proto
            }
        }
        if !self.isRunning {
            info.closeTime = Timestamp(nanoseconds: self.info.closeAt).proto
            info.executionDuration =
                Duration.nanoseconds(self.info.closeAt - self.info.scheduledAt).proto
        }
        info.canceledReason = self.info.cancelRequest.reason
        info.stateTransitionCount = self.info.stateTransitionCount
        info.stateSizeBytes = Int64(
            MutableState.bytes(self.info).count + MutableState.bytes(self.request).count)
        return info
    }

    /// What it was started with.
    private var optionsInfo: Temporal_Api_Activity_V1_ActivityExecutionInfo {
        let activity = self.info.activity
        return .with {
            $0.activityID = activity.activityID
            $0.runID = self.info.runID
            $0.activityType.name = activity.activityType
            $0.taskQueue = activity.taskQueue
            $0.scheduleToCloseTimeout = Duration.nanoseconds(activity.scheduleToCloseNs).proto
            $0.scheduleToStartTimeout = Duration.nanoseconds(activity.scheduleToStartNs).proto
            $0.startToCloseTimeout = Duration.nanoseconds(activity.startToCloseNs).proto
            $0.heartbeatTimeout = Duration.nanoseconds(activity.heartbeatNs).proto
            $0.retryPolicy = activity.retryPolicy
            if activity.hasPriority { $0.priority = activity.priority }
            if self.info.startDelayNs > 0 {
                $0.startDelay = Duration.nanoseconds(self.info.startDelayNs).proto
            }
            $0.searchAttributes.indexedFields = self.info.searchAttributes
            if self.request.hasHeader { $0.header = self.request.header }
            if self.request.hasUserMetadata { $0.userMetadata = self.request.userMetadata }
            $0.links = self.info.links.flatMap(\.links)
        }
    }

    private var pendingState: Temporal_Api_Enums_V1_PendingActivityState {
        guard self.isRunning else { return .unspecified }
        if self.isCancelRequested { return .cancelRequested }
        return self.isStarted ? .started : .scheduled
    }

    /// What lists show of this run.
    func visibilityRecord(storedBytes: Int) -> VisibilityRecord {
        let attributes = Temporal_Api_Common_V1_SearchAttributes.with {
            $0.indexedFields = self.info.searchAttributes
        }
        return VisibilityRecord(
            key: self.key, division: NamespaceDivision.activities,
            workflowType: self.info.activity.activityType, taskQueue: self.info.activity.taskQueue,
            status: Int32(self.info.status.rawValue),
            startAt: Timestamp(nanoseconds: self.info.scheduledAt),
            executionAt: self.firstDispatchAt,
            closeAt: self.isRunning ? nil : Timestamp(nanoseconds: self.info.closeAt),
            historyLength: 0, historySizeBytes: self.isRunning ? 0 : Int64(storedBytes),
            stateTransitionCount: self.isRunning ? 0 : self.info.stateTransitionCount,
            parentWorkflowID: nil, parentRunID: nil, rootWorkflowID: "", rootRunID: "",
            searchAttributes: decodeSearchAttributes(self.info.searchAttributes), memo: [],
            searchAttributePayloads: MutableState.bytes(attributes))
    }
}
