import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

extension Transition {
    /// Prepares the run that follows one that failed: its next attempt if the retry policy has one
    /// left, otherwise the next one of its cron schedule.
    mutating func followFailedRun(_ failure: Failure) -> (RetryState, RunID?) {
        let (state, runID) = self.retryRun(after: failure)
        return (state, runID ?? self.scheduleNextRun(result: nil, failure: failure))
    }

    private mutating func retryRun(after failure: Failure) -> (RetryState, RunID?) {
        let info = self.state.info
        guard info.hasRetryPolicy else { return (.retryPolicyNotSet, nil) }
        let decision = RetryDecision(
            policy: info.retryPolicy, attempt: info.attempt, failure: failure, now: self.now,
            expiration: info.executionExpirationAt > 0
                ? Timestamp(nanoseconds: info.executionExpirationAt) : nil,
            capsNextRetryDelay: true)
        switch decision {
        case .giveUp(let state): return (state, nil)
        case .retry(let interval):
            let runID = RunID(self.generator.uuid(at: self.now))
            var started = self.state.startedEvent.workflowExecutionStartedEventAttributes
            started.initiator = .retry
            started.completionCallbacks = self.state.callbacksForSuccessor
            started.continuedFailure = failure
            started.attempt = info.attempt + 1
            started.eagerExecutionAccepted = false
            // Only one that pins to a version would be handed on.
            started.clearVersioningOverride()
            self.successor = self.successor(
                started, runID: runID, backoff: self.backoffOfNextRun(interval))
            return (.inProgress, runID)
        }
    }

    /// Prepares the next run of a cron schedule; nil if there is none.
    ///
    /// The new run gets the last result there was: of this run, or if it failed, of one before.
    mutating func scheduleNextRun(result: Payloads?, failure: Failure?) -> RunID? {
        let info = self.state.info
        guard let schedule = CronSchedule(info.cronSchedule),
            let backoff = schedule.backoff(
                afterScheduled: Timestamp(nanoseconds: info.executionAt), now: self.now)
        else { return nil }
        let runID = RunID(self.generator.uuid(at: self.now))
        var started = self.state.startedEvent.workflowExecutionStartedEventAttributes
        started.initiator = .cronSchedule
        // They are told of the end of this run.
        started.completionCallbacks = []
        started.attempt = 1
        started.eagerExecutionAccepted = false
        started.clearVersioningOverride()
        started.clearContinuedFailure()
        if let failure {
            started.continuedFailure = failure
        } else {
            started.clearLastCompletionResult()
            if let result { started.lastCompletionResult = result }
        }
        self.successor = self.successor(
            started, runID: runID, backoff: self.backoffOfNextRun(backoff))
        return runID
    }

    /// Chains of runs may not start more often than once per interval.
    func backoffOfNextRun(_ wanted: Duration) -> Duration {
        let lived = self.now - Timestamp(nanoseconds: self.state.info.executionAt)
        let minimum = self.settings.workflowIDReuseIntervalMin
        return lived + wanted < minimum ? max(minimum - lived, .zero) : wanted
    }

    /// The first event of the run that follows this one in its chain.
    func successor(
        _ attributes: Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes,
        runID: RunID, backoff: Duration
    ) -> NewRun {
        let info = self.state.info
        var attributes = attributes
        let old = self.state.startedEvent.workflowExecutionStartedEventAttributes
        attributes.workflowID = info.workflowID
        attributes.continuedExecutionRunID = info.runID
        attributes.originalExecutionRunID = runID.rawValue
        attributes.firstExecutionRunID = info.firstRunID
        if old.hasWorkflowExecutionTimeout {
            attributes.workflowExecutionTimeout = old.workflowExecutionTimeout
        }
        if old.hasWorkflowExecutionExpirationTime {
            attributes.workflowExecutionExpirationTime = old.workflowExecutionExpirationTime
        }
        attributes.firstWorkflowTaskBackoff = backoff.proto
        attributes.takeOverParent(from: old)
        if info.hasAutoResetPoints { attributes.prevAutoResetPoints = info.autoResetPoints }
        let event = HistoryEvent.with {
            $0.eventType = .workflowExecutionStarted
            $0.eventTime = self.now.proto
            $0.workflowExecutionStartedEventAttributes = attributes
            $0.links = self.state.startedEvent.links
        }
        return NewRun(runID: runID, event: event, createRequestID: runID.rawValue)
    }

    /// The transition that creates a run: its first event, and its first workflow task unless it
    /// must wait.
    static func creating(
        _ run: NewRun, namespaceID: NamespaceID, namespaceName: String, retention: Duration,
        now: Timestamp, settings: Settings, generator: SeededGenerator
    ) -> Transition {
        let workflowID = run.event.workflowExecutionStartedEventAttributes.workflowID
        let key = WorkflowKey(
            namespaceID: namespaceID, workflowID: WorkflowID(workflowID), runID: run.runID)
        let state = MutableState(
            key, namespaceName: namespaceName, retention: retention,
            createRequestID: run.createRequestID)
        var transition = Transition(state, now: now, settings: settings, generator: generator)
        transition.append(run.event)
        return transition
    }
}
