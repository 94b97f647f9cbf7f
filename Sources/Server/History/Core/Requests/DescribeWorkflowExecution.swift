import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension HistoryShard {
    mutating func describe(_ runID: RunID, _ call: Call, _ effects: inout [Effect]) {
        guard let run = self.run(runID, for: call, &effects) else { return }
        self.reply(call.id, .described(run.state.description), seeing: run.state.key, &effects)
    }
}

extension MutableState {
    fileprivate var description: Temporal_Api_Workflowservice_V1_DescribeWorkflowExecutionResponse {
        .with {
            $0.executionConfig = .with {
                $0.taskQueue = .with {
                    $0.name = self.info.taskQueue
                    $0.kind = .normal
                }
                if self.info.executionTimeoutNs != 0 {
                    $0.workflowExecutionTimeout =
                        Duration.nanoseconds(self.info.executionTimeoutNs).proto
                }
                if self.info.runTimeoutNs != 0 {
                    $0.workflowRunTimeout = Duration.nanoseconds(self.info.runTimeoutNs).proto
                }
                $0.defaultWorkflowTaskTimeout = Duration.nanoseconds(self.info.taskTimeoutNs).proto
                if self.info.hasUserMetadata { $0.userMetadata = self.info.userMetadata }
            }
            $0.workflowExecutionInfo = self.executionInfo
            $0.pendingActivities = self.activities.values
                .sorted { $0.scheduledEventID < $1.scheduledEventID }.map(\.description)
            $0.callbacks = self.callbacks.map(\.description)
            $0.pendingChildren = self.pendingChildren
            if self.hasWorkflowTask { $0.pendingWorkflowTask = self.pendingWorkflowTask }
            $0.workflowExtendedInfo = .with {
                if self.info.executionExpirationAt != 0 {
                    $0.executionExpirationTime =
                        Timestamp(nanoseconds: self.info.executionExpirationAt).proto
                }
                if self.info.runExpirationAt != 0 {
                    $0.runExpirationTime = Timestamp(nanoseconds: self.info.runExpirationAt).proto
                }
                $0.cancelRequested = self.info.cancelRequested
                $0.requestIDInfos = self.requestIDInfos
                $0.resetRunID = self.info.resetRunID
                if self.info.hasPause {
                    $0.pauseInfo = .with {
                        $0.identity = self.info.pause.identity
                        $0.pausedTime = Timestamp(nanoseconds: self.info.pause.pausedAt).proto
                        $0.reason = self.info.pause.reason
                    }
                }
                let startedAt = Timestamp(nanoseconds: self.info.startAt).proto
                if self.info.resetFromRunID.isEmpty {
                    $0.originalStartTime = startedAt
                } else {
                    $0.originalStartTime = self.startedEvent.eventTime
                    $0.lastResetTime = startedAt
                }
            }
        }
    }

    private var requestIDInfos: [String: Temporal_Api_Workflow_V1_RequestIdInfo] {
        var infos = self.attachedRequests.mapValues { request in
            Temporal_Api_Workflow_V1_RequestIdInfo.with {
                $0.eventType = request.eventType
                $0.eventID = request.eventID
                $0.buffered = request.eventID == 0
            }
        }
        infos[self.info.createRequestID] = .with {
            $0.eventType = .workflowExecutionStarted
            $0.eventID = 1
        }
        return infos
    }

    private var executionInfo: Temporal_Api_Workflow_V1_WorkflowExecutionInfo {
        .with {
            $0.execution = self.execution
            $0.type.name = self.info.workflowType
            $0.taskQueue = self.info.taskQueue
            $0.startTime = Timestamp(nanoseconds: self.info.startAt).proto
            $0.executionTime = Timestamp(nanoseconds: self.info.executionAt).proto
            $0.status = self.info.status
            $0.historyLength = self.info.nextEventID - 1
            $0.historySizeBytes = self.info.historySize
            $0.stateTransitionCount = self.info.stateTransitionCount
            $0.externalPayloadCount = self.info.externalPayloadCount
            $0.externalPayloadSizeBytes = self.info.externalPayloadSizeBytes
            $0.memo.fields = self.info.memo
            $0.searchAttributes.indexedFields = self.info.searchAttributes
            $0.firstRunID = self.info.firstRunID
            $0.rootExecution = .with {
                $0.workflowID = self.info.rootWorkflowID
                $0.runID = self.info.rootRunID
            }
            if self.hasParent {
                $0.parentNamespaceID = self.info.parentNamespaceID
                $0.parentExecution = .with {
                    $0.workflowID = self.info.parentWorkflowID
                    $0.runID = self.info.parentRunID
                }
            }
            if self.info.hasPriority { $0.priority = self.info.priority }
            if self.info.hasVersioningOverride {
                $0.versioningInfo.versioningOverride = self.info.versioningOverride
            }
            if self.info.hasMostRecentWorkerVersionStamp {
                $0.mostRecentWorkerVersionStamp = self.info.mostRecentWorkerVersionStamp
            }
            $0.workerDeploymentName = self.info.workerDeploymentName
            if self.info.hasAutoResetPoints { $0.autoResetPoints = self.info.autoResetPoints }
            if !self.isRunning {
                $0.closeTime = Timestamp(nanoseconds: self.info.closeAt).proto
                $0.executionDuration =
                    Duration.nanoseconds(max(self.info.closeAt - self.info.executionAt, 0)).proto
            }
        }
    }

    private var pendingWorkflowTask: Temporal_Api_Workflow_V1_PendingWorkflowTaskInfo {
        let task = self.info.workflowTask
        return .with {
            $0.state = task.startedEventID == 0 ? .scheduled : .started
            $0.scheduledTime = Timestamp(nanoseconds: task.scheduledAt).proto
            $0.originalScheduledTime = Timestamp(nanoseconds: task.originalScheduledAt).proto
            $0.attempt = task.attempt
            if task.startedEventID != 0 {
                $0.startedTime = Timestamp(nanoseconds: task.startedAt).proto
            }
        }
    }

    /// What lists show of this run.
    var visibilityRecord: VisibilityRecord {
        let memo = Temporal_Api_Common_V1_Memo.with { $0.fields = self.info.memo }
        let fields = self.listedSearchAttributes
        let attributes = Temporal_Api_Common_V1_SearchAttributes.with { $0.indexedFields = fields }
        let decoded = decodeSearchAttributes(fields)
        var division: String?
        if case .keyword(let name) = decoded[NamespaceDivision.attribute] { division = name }
        return VisibilityRecord(
            key: self.key, division: division, workflowType: self.info.workflowType,
            taskQueue: self.info.taskQueue,
            status: Int32(self.info.status.rawValue),
            startAt: Timestamp(nanoseconds: self.info.startAt),
            executionAt: Timestamp(nanoseconds: self.info.executionAt),
            closeAt: self.isRunning ? nil : Timestamp(nanoseconds: self.info.closeAt),
            historyLength: self.isRunning ? 0 : self.info.nextEventID - 1,
            historySizeBytes: self.isRunning ? 0 : self.info.historySize,
            stateTransitionCount: self.isRunning ? 0 : self.info.stateTransitionCount,
            parentWorkflowID: self.hasParent ? self.info.parentWorkflowID : nil,
            parentRunID: self.hasParent ? self.info.parentRunID : nil,
            rootWorkflowID: self.info.rootWorkflowID, rootRunID: self.info.rootRunID,
            searchAttributes: decoded, memo: MutableState.bytes(memo),
            searchAttributePayloads: MutableState.bytes(attributes))
    }

    /// The run's own search attributes, and those that lists show of a closed run beside them.
    private var listedSearchAttributes: [String: Temporal_Api_Common_V1_Payload] {
        var fields = self.info.searchAttributes
        if !self.isRunning, self.info.externalPayloadCount > 0 {
            fields["TemporalExternalPayloadCount"] = .integer(self.info.externalPayloadCount)
            fields["TemporalExternalPayloadSizeBytes"] = .integer(
                self.info.externalPayloadSizeBytes)
        }
        return fields
    }
}
