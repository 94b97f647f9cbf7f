import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

typealias ResetExcludeType = Temporal_Api_Enums_V1_ResetReapplyExcludeType
typealias PostResetOperation = Temporal_Api_Workflow_V1_PostResetOperation

extension Transition {
    /// Goes on from the fork: the workflow task at hand has failed, what was with workers is lost,
    /// and what came later from outside has come now.
    mutating func beginAnew(
        from base: RunID, reason: String, _ later: [HistoryEvent],
        excluding excluded: Set<ResetExcludeType>, then operations: [PostResetOperation]
    ) {
        self.failWorkflowTask(resetFrom: base, reason: reason)
        self.settleActivities(reason: reason)
        var updateIDs: Set<String> = []
        for event in later { self.reapply(event, excluding: excluded, &updateIDs) }
        for operation in operations {
            if case .updateWorkflowOptions(let update) = operation.variant {
                _ = self.updateOptions(
                    update.workflowExecutionOptions, paths: update.updateMask.paths, identity: "")
            }
        }
        self.resumeOtherRuns()
        self.needsWorkflowTask = true
    }

    private mutating func failWorkflowTask(resetFrom base: RunID, reason: String) {
        if !self.state.hasStartedWorkflowTask {
            self.startWorkflowTask(
                requestID: "", by: TaskWorker(identity: historyServiceIdentity), isStickyPoll: true)
        }
        let task = self.state.info.workflowTask
        let newRunID = self.state.info.runID
        self.append(
            .workflowTaskFailed,
            .workflowTaskFailedEventAttributes(
                .with {
                    $0.scheduledEventID = task.scheduledEventID
                    $0.startedEventID = task.startedEventID
                    $0.cause = .resetWorkflow
                    $0.failure = .reset(reason)
                    $0.identity = historyServiceIdentity
                    $0.baseRunID = base.rawValue
                    $0.newRunID = newRunID
                }))
    }

    /// Activities whose start is in history have failed; the others are handed out again.
    private mutating func settleActivities(reason: String) {
        let pending = self.state.activities.values.sorted {
            $0.scheduledEventID < $1.scheduledEventID
        }
        for activity in pending {
            guard activity.startedEventID != 0 else {
                self.dispatch(activity)
                continue
            }
            self.append(
                .activityTaskFailed,
                .activityTaskFailedEventAttributes(
                    .with {
                        $0.failure = .reset(reason)
                        $0.scheduledEventID = activity.scheduledEventID
                        $0.startedEventID = activity.startedEventID
                        $0.identity = activity.startedIdentity
                        $0.retryState = .nonRetryableFailure
                    }))
        }
    }

    // MARK: What came later

    /// Takes an event from after the fork over, if it still means something here.
    private mutating func reapply(
        _ event: HistoryEvent, excluding excluded: Set<ResetExcludeType>,
        _ updateIDs: inout Set<String>
    ) {
        switch event.attributes {
        case .workflowExecutionSignaledEventAttributes(let attributes):
            guard !excluded.contains(.signal),
                !self.state.signalRequestIDs.contains(attributes.requestID)
            else { return }
            let signal = Temporal_Api_History_V1_WorkflowExecutionSignaledEventAttributes.with {
                $0.signalName = attributes.signalName
                if attributes.hasInput { $0.input = attributes.input }
                $0.identity = attributes.identity
                if attributes.hasHeader { $0.header = attributes.header }
                $0.requestID = attributes.requestID
            }
            self.append(
                .workflowExecutionSignaled, .workflowExecutionSignaledEventAttributes(signal)
            ) { $0.links = event.links }
        case .workflowExecutionUpdateAdmittedEventAttributes(let attributes):
            guard !excluded.contains(.update),
                updateIDs.insert(attributes.request.meta.updateID).inserted
            else { return }
            self.appendIfPossible(event)
        case .workflowExecutionUpdateAcceptedEventAttributes(let attributes):
            // Without the request it was admitted by an event before this one.
            guard !excluded.contains(.update), attributes.hasAcceptedRequest,
                updateIDs.insert(attributes.protocolInstanceID).inserted
            else { return }
            self.appendIfPossible(
                .with {
                    $0.eventType = .workflowExecutionUpdateAdmitted
                    $0.workflowExecutionUpdateAdmittedEventAttributes = .with {
                        $0.request = attributes.acceptedRequest
                        $0.origin = .reapply
                    }
                })
        case .workflowExecutionOptionsUpdatedEventAttributes(let attributes):
            guard self.state.attachedRequests[attributes.attachedRequestID] == nil else { return }
            self.appendIfPossible(event)
        default:
            self.appendIfPossible(event)
        }
    }

    /// Appends a copy of an event as of now, unless what it is about is not pending in this run.
    private mutating func appendIfPossible(_ event: HistoryEvent) {
        var copy = event
        copy.eventID = 0
        copy.taskID = 0
        copy.eventTime = self.now.proto
        if let child = copy.endedChild {
            copy.setChildStarted(self.state.children[child]?.startedEventID ?? 0)
        }
        var probe = self.state
        do throws(HistoryCorrupted) { _ = try probe.apply(copy) } catch { return }
        self.append(copy)
    }
}

extension HistoryEvent {
    /// Whether an event after the point of a reset can count for the new run.
    ///
    /// What is about a child counts only if it comes from the run that asked for the child.
    func mayBeReapplied(isOfBaseRun: Bool) -> Bool {
        switch self.eventType {
        case .workflowExecutionSignaled, .workflowExecutionUpdateAdmitted,
            .workflowExecutionUpdateAccepted, .workflowExecutionOptionsUpdated:
            true
        case .startChildWorkflowExecutionFailed, .childWorkflowExecutionStarted,
            .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed,
            .childWorkflowExecutionCanceled, .childWorkflowExecutionTimedOut,
            .childWorkflowExecutionTerminated:
            isOfBaseRun
        default:
            false
        }
    }
}

extension Failure {
    fileprivate static func reset(_ reason: String) -> Failure {
        .with {
            $0.message = reason
            $0.resetWorkflowFailureInfo = .init()
        }
    }
}
