import FoundationEssentials
import Persistence
import Primitives
import SwiftProtobuf
import TemporalAPI

/// Rows and places as the API shows them.
enum VisibilityRows {
    /// - Throws: `dataLoss` if the row's payloads cannot be read.
    static func info(_ record: VisibilityRecord) throws(ServiceError) -> WorkflowExecutionInfo {
        var info = WorkflowExecutionInfo()
        info.execution = self.execution(record.key.workflowID.rawValue, record.key.runID.rawValue)
        info.type.name = record.workflowType
        info.taskQueue = record.taskQueue
        info.status = self.status(record)
        info.startTime = record.startAt.proto
        info.executionTime = record.executionAt.proto
        info.historyLength = record.historyLength
        info.historySizeBytes = record.historySizeBytes
        info.stateTransitionCount = record.stateTransitionCount
        if let closeAt = record.closeAt {
            info.closeTime = closeAt.proto
            info.executionDuration = (closeAt - record.executionAt).proto
        }
        if let parent = record.parentWorkflowID {
            info.parentExecution = self.execution(parent, record.parentRunID ?? "")
        }
        if !record.rootWorkflowID.isEmpty {
            info.rootExecution = self.execution(record.rootWorkflowID, record.rootRunID)
        }
        do {
            info.memo = try Memo(serializedBytes: record.memo)
            info.searchAttributes = try SearchAttributes(
                serializedBytes: record.searchAttributePayloads)
        } catch {
            throw ServiceError(.dataLoss, "the visibility record of a run cannot be read")
        }
        return info
    }

    /// A row of a standalone activity.
    static func activityInfo(
        _ record: VisibilityRecord
    ) throws(ServiceError) -> Temporal_Api_Activity_V1_ActivityExecutionListInfo {
        var info = Temporal_Api_Activity_V1_ActivityExecutionListInfo()
        info.activityID = record.key.workflowID.rawValue
        info.runID = record.key.runID.rawValue
        info.activityType.name = record.workflowType
        info.scheduleTime = record.startAt.proto
        info.executionTime = record.executionAt.proto
        info.status = ActivityExecutionStatus(rawValue: Int(record.status)) ?? .unspecified
        info.taskQueue = record.taskQueue
        info.stateTransitionCount = record.stateTransitionCount
        info.stateSizeBytes = record.historySizeBytes
        if let closeAt = record.closeAt {
            info.closeTime = closeAt.proto
            info.executionDuration = (closeAt - record.startAt).proto
        }
        do {
            info.searchAttributes = try SearchAttributes(
                serializedBytes: record.searchAttributePayloads)
        } catch {
            throw ServiceError(.dataLoss, "the visibility record of an activity cannot be read")
        }
        return info
    }

    private static func execution(_ workflowID: String, _ runID: String) -> WorkflowExecution {
        .with {
            $0.workflowID = workflowID
            $0.runID = runID
        }
    }

    /// The status of a run as that of a workflow.
    private static func status(_ record: VisibilityRecord) -> WorkflowExecutionStatus {
        switch record.key.archetype {
        case .workflow:
            return WorkflowExecutionStatus(rawValue: Int(record.status)) ?? .unspecified
        case .activity:
            switch ActivityExecutionStatus(rawValue: Int(record.status)) ?? .unspecified {
            case .unspecified, .UNRECOGNIZED: return .unspecified
            case .running: return .running
            case .completed: return .completed
            case .failed: return .failed
            case .canceled: return .canceled
            case .terminated: return .terminated
            case .timedOut: return .timedOut
            case .paused: return .paused
            }
        }
    }

    /// Names the place behind `record`, for the next page.
    static func token(behind record: VisibilityRecord) throws(ServiceError) -> Data {
        let token = StoredListPageToken.with {
            $0.closeAt = (record.closeAt ?? .distantFuture).nanoseconds
            $0.startAt = record.startAt.nanoseconds
            $0.runID = record.key.runID.rawValue
        }
        do {
            return try token.serializedBytes()
        } catch {
            throw ServiceError(.internalError, "a page token cannot be written")
        }
    }

    /// The place a token names; nil for the beginning.
    static func position(_ token: Data) throws(ServiceError) -> VisibilityQuery.Position? {
        guard !token.isEmpty else { return nil }
        do {
            let stored = try StoredListPageToken(serializedBytes: token)
            guard isUUID(stored.runID) else { throw ServiceError.pageTokenInvalid }
            return VisibilityQuery.Position(
                closeAt: Timestamp(nanoseconds: stored.closeAt),
                startAt: Timestamp(nanoseconds: stored.startAt), runID: RunID(stored.runID))
        } catch {
            throw .pageTokenInvalid
        }
    }
}
