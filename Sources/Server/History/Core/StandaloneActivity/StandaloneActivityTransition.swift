import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

/// One state transition of one standalone activity in the making.
///
/// Works on a copy of the state; dropping the transition undoes everything.
struct StandaloneActivityTransition {
    private(set) var state: StandaloneActivityState
    let now: Timestamp
    private(set) var tasks: [StoredHistoryTask] = []
    /// Whether what lists show of the run changed.
    private(set) var isVisibilityChanged = false
    /// Whether the run did not exist before.
    let isNew: Bool

    init(_ state: StandaloneActivityState, now: Timestamp) {
        self.state = state
        self.now = now
        self.isNew = false
    }

    /// The transition that creates a run, as its frontend has completed the request.
    init(
        _ request: StartActivityRequest, runID: RunID, namespaceID: NamespaceID,
        retention: Duration,
        now: Timestamp
    ) {
        var state = StandaloneActivityState()
        let delay = Duration(clamping: request.startDelay).nanoseconds
        state.info = .with {
            $0.namespaceID = namespaceID.rawValue
            $0.namespaceName = request.namespace
            $0.runID = runID.rawValue
            $0.createRequestID = request.requestID
            $0.status = .running
            $0.scheduledAt = now.nanoseconds
            $0.startDelayNs = delay
            $0.retentionNs = retention.nanoseconds
            $0.activity = StoredActivity(request, firstDispatchAt: now.nanoseconds.after(delay))
            $0.searchAttributes = request.searchAttributes.indexedFields
        }
        state.request = .with {
            if request.hasInput { $0.input = request.input }
            if request.hasHeader { $0.header = request.header }
            if request.hasUserMetadata { $0.userMetadata = request.userMetadata }
        }
        self.state = state
        self.now = now
        self.isNew = true
        self.isVisibilityChanged = true
        self.attach(request.links, by: request.requestID)
        self.resume()
    }

    // MARK: Attempts

    /// Gives the current attempt to matching, once its wait is over.
    private mutating func resume() {
        guard self.state.info.activity.scheduledAt <= self.now.nanoseconds else { return }
        self.state.info.activity.backingOff = false
        let info = self.state.info
        let task = StoredHistoryTask.with {
            $0.archetype = Archetype.activity.rawValue
            $0.namespaceID = info.namespaceID
            $0.workflowID = info.activity.activityID
            $0.runID = info.runID
            $0.activity = .with {
                $0.stamp = info.activity.stamp
                $0.taskQueue = info.activity.taskQueue
                $0.expiresAt =
                    info.activity.scheduleToStartNs > 0
                    ? info.activity.scheduledAt.after(info.activity.scheduleToStartNs) : 0
                $0.priority = info.activity.priority
            }
        }
        self.tasks.append(task)
    }

    mutating func start(requestID: String, identity: String) {
        let lastHeartbeatAt = self.state.info.activity.lastHeartbeatAt
        self.state.info.activity.start(requestID: requestID, identity: identity, now: self.now)
        // Shown until there is another one; what counts is the later of it and the start.
        self.state.info.activity.lastHeartbeatAt = lastHeartbeatAt
        self.state.info.activity.lastWorkerIdentity = identity
        self.state.info.lastStartedAt = self.now.nanoseconds
    }

    mutating func heartbeat(_ details: Payloads?) {
        self.state.info.activity.lastHeartbeatAt = self.now.nanoseconds
        if let details {
            self.state.info.activity.lastHeartbeatDetails = details
        } else {
            self.state.info.activity.clearLastHeartbeatDetails()
        }
        self.state.info.heartbeatCount += 1
    }

    /// Ends the activity with a result, whether a worker has it or not.
    mutating func complete(result: Payloads?, identity: String) {
        if !self.state.isStarted { self.state.info.lastStartedAt = self.now.nanoseconds }
        self.endAttempt(by: identity)
        self.close(.completed, .with { $0.result = result ?? Payloads() })
    }

    /// An attempt failed: another one follows, or the activity's end.
    mutating func fail(_ failure: Failure?, heartbeat details: Payloads?, identity: String) {
        if let details { self.heartbeat(details) }
        let state = self.retry(after: failure, workerIdentity: identity)
        if state == .inProgress { return }
        // Without a failure nobody could tell the end from an open activity.
        let final =
            failure ?? .with { $0.message = "activity task failed without failure details" }
        self.endAttempt(by: identity)
        self.state.info.activity.lastFailure = final
        self.close(
            .failed,
            .with {
                $0.failure = final
                $0.retryState = state
            })
    }

    /// Lets another attempt follow a failed one if the retry policy and the time left allow it.
    private mutating func retry(after failure: Failure?, workerIdentity: String) -> RetryState {
        switch self.state.info.activity.next(
            after: failure, workerIdentity: workerIdentity, now: self.now)
        {
        case .end(let state): return state
        case .attempt(let activity):
            self.state.info.activity = activity
            return .inProgress
        }
    }

    private mutating func endAttempt(by identity: String) {
        self.state.info.activity.lastAttemptCompleteAt = self.now.nanoseconds
        self.state.info.activity.lastWorkerIdentity = identity
    }

    // MARK: Its end

    /// Asks the worker to end the activity; without a worker, it ends at once.
    mutating func requestCancel(_ request: CancelActivityRequest) {
        self.state.info.cancelRequest = .with {
            $0.requestID = request.requestID
            $0.identity = request.identity
            $0.reason = request.reason
            $0.requestedAt = self.now.nanoseconds
        }
        let isStarted = self.state.isStarted
        self.state.info.activity.cancelRequested = true
        if !isStarted {
            self.cancel(details: .with { $0.payloads = [.text(request.reason)] })
        }
    }

    mutating func cancel(details: Payloads?) {
        let failure = Failure.with {
            $0.message = "Activity canceled"
            $0.canceledFailureInfo = .with {
                if let details { $0.details = details }
                $0.identity = self.state.info.cancelRequest.identity
            }
        }
        self.close(.canceled, .with { $0.failure = failure })
    }

    mutating func terminate(reason: String, identity: String, requestID: String) {
        self.state.info.terminateRequestID = requestID
        let failure = Failure.with {
            $0.message = reason
            $0.terminatedFailureInfo.identity = identity
        }
        self.close(.terminated, .with { $0.failure = failure })
    }

    private mutating func close(
        _ status: Temporal_Api_Enums_V1_ActivityExecutionStatus,
        _ outcome: Temporal_Api_Activity_V1_ActivityExecutionOutcome
    ) {
        self.state.info.status = status
        self.state.info.closeAt = self.now.nanoseconds
        self.state.info.outcome = outcome
        self.state.info.activity.clearStarted()
        self.state.info.activity.backingOff = false
        self.isVisibilityChanged = true
    }

    // MARK: Time

    /// Does what a deadline that has passed asks for.
    mutating func meet(_ deadline: ActivityDeadline) {
        switch deadline {
        case .retry: self.resume()
        case .startToClose, .heartbeat: self.timeOutAttempt(deadline.timeoutType)
        case .scheduleToStart: self.timeOut(.scheduleToStart, .timeout)
        case .scheduleToClose:
            self.timeOut(
                .scheduleToClose, self.state.isCancelRequested ? .cancelRequested : .timeout)
        }
    }

    private mutating func timeOutAttempt(_ type: Temporal_Api_Enums_V1_TimeoutType) {
        let identity = self.state.info.activity.lastWorkerIdentity
        let state = self.retry(after: .activityTimeout(type), workerIdentity: identity)
        if state == .inProgress { return }
        let ofAttempt = self.timeout(type)
        let failure = state == .timeout ? ofAttempt.noTimeToRetry : ofAttempt
        self.endAttempt(by: identity)
        self.state.info.activity.lastFailure = ofAttempt
        self.close(
            .timedOut,
            .with {
                $0.failure = failure
                $0.retryState = state
            })
    }

    /// Ends the activity; a timeout of this kind is never retried.
    private mutating func timeOut(
        _ type: Temporal_Api_Enums_V1_TimeoutType, _ retryState: RetryState
    ) {
        let failure = self.timeout(type)
        self.close(
            .timedOut,
            .with {
                $0.failure = failure
                $0.retryState = retryState
            })
    }

    /// A timeout as callers see it: with what was known of the activity until then.
    private func timeout(_ type: Temporal_Api_Enums_V1_TimeoutType) -> Failure {
        var failure = Failure.activityTimeout(type)
        let activity = self.state.info.activity
        if activity.hasLastHeartbeatDetails {
            failure.timeoutFailureInfo.lastHeartbeatDetails = activity.lastHeartbeatDetails
        }
        if activity.hasLastFailure { failure.cause = activity.lastFailure }
        return failure
    }

    // MARK: Requests that found it running

    /// Keeps the links a request brought; the same request again adds nothing.
    mutating func attach(_ links: [Temporal_Api_Common_V1_Link], by requestID: String) {
        guard !links.isEmpty, !self.state.hasLinks(of: requestID) else { return }
        self.state.info.links.append(
            .with {
                $0.requestID = requestID
                $0.links = links
            })
    }

    /// Completes the transition.
    mutating func finish() { self.state.info.stateTransitionCount += 1 }
}

typealias StartActivityRequest = Temporal_Api_Workflowservice_V1_StartActivityExecutionRequest
typealias CancelActivityRequest =
    Temporal_Api_Workflowservice_V1_RequestCancelActivityExecutionRequest

extension StandaloneActivityState {
    /// Whether a request has brought links already.
    func hasLinks(of requestID: String) -> Bool {
        self.info.links.contains { $0.requestID == requestID }
    }

    /// Whether this run was started or found by a request.
    func knows(requestID: String) -> Bool {
        self.info.createRequestID == requestID || self.hasLinks(of: requestID)
    }
}

extension StoredActivity {
    /// The first attempt of a standalone activity.
    fileprivate init(_ request: StartActivityRequest, firstDispatchAt: Int64) {
        self.init()
        self.activityID = request.activityID
        self.activityType = request.activityType.name
        self.taskQueue = request.taskQueue.name
        self.attempt = 1
        self.stamp = 1
        self.firstScheduledAt = firstDispatchAt
        self.scheduledAt = firstDispatchAt
        self.backingOff = true
        self.scheduleToCloseNs = Duration(clamping: request.scheduleToCloseTimeout).nanoseconds
        self.scheduleToStartNs = Duration(clamping: request.scheduleToStartTimeout).nanoseconds
        self.startToCloseNs = Duration(clamping: request.startToCloseTimeout).nanoseconds
        self.heartbeatNs = Duration(clamping: request.heartbeatTimeout).nanoseconds
        self.retryPolicy = request.retryPolicy
        if request.hasPriority { self.priority = request.priority }
    }
}
