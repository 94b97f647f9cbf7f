import Primitives
import SwiftProtobuf
import TemporalAPI

typealias ResetExcludeType = Temporal_Api_Enums_V1_ResetReapplyExcludeType

extension Transition {
    /// Goes on from the fork: the workflow task at hand has failed, what was with workers is lost,
    /// and what came later from outside has come now.
    mutating func beginAnew(
        from base: RunID, reason: String, _ later: [HistoryEvent],
        excluding excluded: Set<ResetExcludeType>
    ) {
        self.failWorkflowTask(resetFrom: base, reason: reason)
        self.settleActivities(reason: reason)
        for event in later { self.reapply(event, excluding: excluded) }
        self.needsWorkflowTask = true
    }

    private mutating func failWorkflowTask(resetFrom base: RunID, reason: String) {
        if !self.state.hasStartedWorkflowTask {
            self.startWorkflowTask(
                requestID: "", identity: historyServiceIdentity, isStickyPoll: true)
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
    private mutating func reapply(_ event: HistoryEvent, excluding excluded: Set<ResetExcludeType>)
    {
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
        default:
            return
        }
    }
}

extension HistoryEvent {
    /// Whether an event after the point of a reset can count for the new run.
    var mayBeReapplied: Bool {
        switch self.eventType {
        case .workflowExecutionSignaled: true
        default: false
        }
    }
}

extension Failure {
    fileprivate static func reset(_ reason: String) -> Failure {
        .with {
            $0.message = reason
            $0.source = "Server"
            $0.resetWorkflowFailureInfo = .init()
        }
    }
}
