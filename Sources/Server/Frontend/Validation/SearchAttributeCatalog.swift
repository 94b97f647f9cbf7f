import Persistence
import Primitives

/// The search attributes every namespace has, and the names nobody may take.
enum SearchAttributeCatalog {
    /// What a run has by itself; cannot be set.
    static let system: [String: (column: VisibilityColumn, type: SearchAttributeType)] = [
        "WorkflowId": (.workflowID, .keyword),
        "RunId": (.runID, .keyword),
        "WorkflowType": (.workflowType, .keyword),
        "TaskQueue": (.taskQueue, .keyword),
        "ExecutionStatus": (.status, .keyword),
        "StartTime": (.startTime, .datetime),
        "ExecutionTime": (.executionTime, .datetime),
        "CloseTime": (.closeTime, .datetime),
        "HistoryLength": (.historyLength, .int),
        "HistorySizeBytes": (.historySizeBytes, .int),
        "StateTransitionCount": (.stateTransitionCount, .int),
        "ExecutionDuration": (.executionDuration, .int),
        "ParentWorkflowId": (.parentWorkflowID, .keyword),
        "ParentRunId": (.parentRunID, .keyword),
        "RootWorkflowId": (.rootWorkflowID, .keyword),
        "RootRunId": (.rootRunID, .keyword),
    ]

    /// What the columns of runs of other archetypes are called besides.
    static func aliases(
        of archetype: Archetype
    ) -> [String: (column: VisibilityColumn, type: SearchAttributeType)] {
        switch archetype {
        case .workflow: [:]
        case .activity:
            ["ActivityId": (.workflowID, .keyword), "ActivityType": (.workflowType, .keyword)]
        }
    }

    /// Kept with a namespace's own attributes; callers may set these.
    static let settable: [String: SearchAttributeType] = [
        "TemporalChangeVersion": .keywordList,
        "BinaryChecksums": .keywordList,
        "BuildIds": .keywordList,
        "BatcherNamespace": .keyword,
        "BatcherUser": .keyword,
        "TemporalScheduledStartTime": .datetime,
        "TemporalScheduledById": .keyword,
        "TemporalSchedulePaused": .bool,
        NamespaceDivision.attribute: .keyword,
        "TemporalPauseInfo": .keywordList,
        "TemporalReportedProblems": .keywordList,
    ]

    /// Set by the server alone.
    static let internalOnly: [String: SearchAttributeType] = [
        "TemporalWorkerDeployment": .keyword,
        "TemporalWorkerDeploymentVersion": .keyword,
        "TemporalWorkflowVersioningBehavior": .keyword,
        "TemporalUsedWorkerDeploymentVersions": .keywordList,
        "TemporalExternalPayloadCount": .int,
        "TemporalExternalPayloadSizeBytes": .int,
    ]

    private static let reserved: Set<String> = [
        "NamespaceId", "Memo", "MemoEncoding", "VisibilityTaskKey",
    ]

    /// The type of an attribute the server predefines.
    static func predefinedType(_ name: String) -> SearchAttributeType? {
        self.settable[name] ?? self.internalOnly[name]
    }

    /// Whether a namespace cannot have an attribute of its own by this name.
    static func isReserved(_ name: String) -> Bool {
        self.system[name] != nil || self.predefinedType(name) != nil
            || self.reserved.contains(name) || name.hasPrefix("Temporal")
    }
}
