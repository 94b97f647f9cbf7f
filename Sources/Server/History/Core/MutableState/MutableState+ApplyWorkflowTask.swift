import Primitives
import SwiftProtobuf
import TemporalAPI

extension MutableState {
    /// Folds an event about a workflow task in.
    ///
    /// A task whose events are not written before it completes (transient, speculative) is set
    /// beside history.
    mutating func applyWorkflowTask(
        _ event: HistoryEvent
    ) throws(HistoryCorrupted) -> [RunItem.Changed] {
        switch event.attributes {
        case .workflowTaskScheduledEventAttributes(let attributes):
            self.applyScheduled(event, attributes)
            return []
        case .workflowTaskStartedEventAttributes(let attributes):
            guard self.info.workflowTask.scheduledEventID == attributes.scheduledEventID else {
                throw HistoryCorrupted("workflow task \(event.eventID) was not scheduled")
            }
            self.applyStarted(event, attributes)
            return []
        case .workflowTaskCompletedEventAttributes(let attributes):
            self.info.clearWorkflowTask()
            self.info.lastCompletedTaskStartedEventID = attributes.startedEventID
            self.noteWorker(attributes)
            self.addResetPoint(event, attributes)
            return []
        case .workflowTaskFailedEventAttributes(let attributes):
            self.info.clearWorkflowTask()
            guard attributes.cause == .resetWorkflow else { return [] }
            return self.beginAnew(at: Timestamp(event.eventTime), from: attributes.baseRunID)
        case .workflowTaskTimedOutEventAttributes:
            self.info.clearWorkflowTask()
            return []
        default:
            throw HistoryCorrupted("not a workflow task event: \(event.eventType)")
        }
    }

    private mutating func applyScheduled(
        _ event: HistoryEvent,
        _ attributes: Temporal_Api_History_V1_WorkflowTaskScheduledEventAttributes
    ) {
        let scheduledAt = Timestamp(event.eventTime).nanoseconds
        self.info.firstTaskBackoffUntil = 0
        self.info.awaitsParent = false
        self.info.workflowTask = .with {
            $0.kind = .normal
            $0.scheduledEventID = event.eventID
            $0.attempt = attributes.attempt
            $0.scheduledAt = scheduledAt
            $0.originalScheduledAt = scheduledAt
            $0.timeoutNs = Duration(clamping: attributes.startToCloseTimeout).nanoseconds
            $0.taskQueue = attributes.taskQueue.name
            $0.taskQueueKind = attributes.taskQueue.kind
        }
    }

    private mutating func applyStarted(
        _ event: HistoryEvent,
        _ attributes: Temporal_Api_History_V1_WorkflowTaskStartedEventAttributes
    ) {
        self.info.workflowTask.startedEventID = event.eventID
        self.info.workflowTask.startedAt = Timestamp(event.eventTime).nanoseconds
        self.info.workflowTask.identity = attributes.identity
        self.info.workflowTask.requestID = attributes.requestID
        self.info.workflowTask.historySize = attributes.historySizeBytes
        self.info.workflowTask.suggestContinueAsNew = attributes.suggestContinueAsNew
        self.info.workflowTask.suggestContinueAsNewReasons =
            attributes.suggestContinueAsNewReasons
        if attributes.hasWorkerVersion {
            self.info.workflowTask.workerVersion = attributes.workerVersion
        }
    }

    private mutating func noteWorker(
        _ attributes: Temporal_Api_History_V1_WorkflowTaskCompletedEventAttributes
    ) {
        if attributes.hasWorkerVersion {
            self.info.mostRecentWorkerVersionStamp = attributes.workerVersion
        } else {
            self.info.clearMostRecentWorkerVersionStamp()
        }
        self.info.workerDeploymentName = attributes.workerDeploymentName
    }

    /// A reset gives the run all its time again, and the activities nobody has taken theirs.
    private mutating func beginAnew(at now: Timestamp, from baseRunID: String) -> [RunItem.Changed]
    {
        self.info.resetFromRunID = baseRunID
        self.info.startAt = now.nanoseconds
        if self.info.executionTimeoutNs > 0 {
            self.info.executionExpirationAt = now.nanoseconds.after(self.info.executionTimeoutNs)
        }
        if self.info.runTimeoutNs > 0 {
            let expiration = now.nanoseconds.after(self.info.runTimeoutNs)
            self.info.runExpirationAt =
                self.info.executionTimeoutNs > 0
                ? min(expiration, self.info.executionExpirationAt) : expiration
        }
        var changed: [RunItem.Changed] = []
        for (id, activity) in self.activities where activity.startedEventID == 0 {
            var activity = activity
            activity.scheduledAt = now.nanoseconds
            activity.firstScheduledAt = now.nanoseconds
            self.put(activity)
            changed.append(.activity(id))
        }
        return changed
    }

    // MARK: Reset points

    /// Notes the first workflow task that a build of the worker completed.
    private mutating func addResetPoint(
        _ event: HistoryEvent,
        _ attributes: Temporal_Api_History_V1_WorkflowTaskCompletedEventAttributes
    ) {
        let buildID = attributes.workerVersion.buildID
        let isKnown = self.info.autoResetPoints.points.contains {
            $0.binaryChecksum == attributes.binaryChecksum && $0.buildID == buildID
        }
        guard !isKnown else { return }
        self.info.autoResetPoints.points.append(
            .with {
                $0.binaryChecksum = attributes.binaryChecksum
                $0.buildID = buildID
                $0.runID = self.info.runID
                $0.firstWorkflowTaskCompletedID = event.eventID
                $0.createTime = event.eventTime
                $0.resettable = self.isResettable
            })
    }

    /// Forgets the oldest reset points.
    mutating func keepResetPoints(_ countMax: Int) {
        let excess = self.info.autoResetPoints.points.count - countMax
        if excess > 0 { self.info.autoResetPoints.points.removeFirst(excess) }
    }

    /// Takes the points of the run before this one over, unless their histories are gone by now.
    mutating func takeOverResetPoints(
        of attributes: Temporal_Api_History_V1_WorkflowExecutionStartedEventAttributes,
        at now: Timestamp
    ) {
        guard attributes.hasPrevAutoResetPoints else { return }
        let expiresAt = now + .nanoseconds(self.info.retentionNs)
        var points = attributes.prevAutoResetPoints.points
        points.removeAll { $0.hasExpireTime && Timestamp($0.expireTime) < now }
        for index in points.indices
        where points[index].runID == attributes.continuedExecutionRunID {
            points[index].expireTime = expiresAt.proto
        }
        self.info.autoResetPoints.points = points
    }

    /// Whether nothing of this run is on its way to other workflows.
    private var isResettable: Bool {
        self.children.isEmpty && self.externalSignals.isEmpty && self.externalCancels.isEmpty
            && !self.bufferedEvents.contains(where: \.event.eventType.isOfOtherRun)
    }
}
