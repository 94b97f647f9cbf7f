import Primitives

/// Answers list and count queries over runs; rows arrive through ``ShardStore/commit(_:shard:range:)``.
package protocol VisibilityStore: Sendable {
    /// Runs of a namespace that match, newest first: open ones before closed ones, then by close
    /// time and start time descending, then by run id.
    func listRuns(_ query: VisibilityQuery) async throws(StoreError) -> [VisibilityRecord]

    /// How many runs match, in total and for each value of the grouping column.
    func countRuns(_ query: VisibilityQuery) async throws(StoreError) -> VisibilityCount
}

/// One run as lists show it.
package struct VisibilityRecord: Sendable, Equatable {
    package var key: WorkflowKey
    /// The part of the namespace it is listed in; nil is the one of usual workflows.
    package var division: String?
    /// The type of a run of another archetype as well.
    package var workflowType: String
    package var taskQueue: String
    /// Temporal's number of the execution status; each archetype has numbers of its own.
    package var status: Int32
    package var startAt: Timestamp
    package var executionAt: Timestamp
    package var closeAt: Timestamp?
    package var historyLength: Int64
    package var historySizeBytes: Int64
    package var stateTransitionCount: Int64
    package var parentWorkflowID: String?
    package var parentRunID: String?
    package var rootWorkflowID: String
    package var rootRunID: String
    /// Search attributes by name, decoded.
    package var searchAttributes: [String: SearchAttributeValue]
    /// A serialized `temporal.api.common.v1.Memo`.
    package var memo: [UInt8]
    /// A serialized `temporal.api.common.v1.SearchAttributes`, as lists return it.
    package var searchAttributePayloads: [UInt8]

    package init(
        key: WorkflowKey, division: String? = nil, workflowType: String, taskQueue: String,
        status: Int32,
        startAt: Timestamp, executionAt: Timestamp, closeAt: Timestamp?, historyLength: Int64,
        historySizeBytes: Int64, stateTransitionCount: Int64, parentWorkflowID: String?,
        parentRunID: String?, rootWorkflowID: String, rootRunID: String,
        searchAttributes: [String: SearchAttributeValue], memo: [UInt8],
        searchAttributePayloads: [UInt8]
    ) {
        self.key = key
        self.division = division
        self.workflowType = workflowType
        self.taskQueue = taskQueue
        self.status = status
        self.startAt = startAt
        self.executionAt = executionAt
        self.closeAt = closeAt
        self.historyLength = historyLength
        self.historySizeBytes = historySizeBytes
        self.stateTransitionCount = stateTransitionCount
        self.parentWorkflowID = parentWorkflowID
        self.parentRunID = parentRunID
        self.rootWorkflowID = rootWorkflowID
        self.rootRunID = rootRunID
        self.searchAttributes = searchAttributes
        self.memo = memo
        self.searchAttributePayloads = searchAttributePayloads
    }
}

/// A search attribute's value.
package enum SearchAttributeValue: Sendable, Hashable {
    case keyword(String)
    case text(String)
    case int(Int64)
    case double(Double)
    case bool(Bool)
    case datetime(Timestamp)
    case keywordList([String])
}

/// What can be asked about: one of the fixed columns, or a search attribute by name.
package enum VisibilityColumn: Sendable, Hashable {
    case workflowID, runID, workflowType, taskQueue, status
    case startTime, executionTime, closeTime
    case historyLength, historySizeBytes, stateTransitionCount, executionDuration
    case parentWorkflowID, parentRunID, rootWorkflowID, rootRunID
    case namespaceDivision
    case searchAttribute(name: String, type: SearchAttributeType)
}

/// Type of a search attribute; the raw value is Temporal's number.
package enum SearchAttributeType: Int32, Sendable, Hashable, CaseIterable {
    case text = 1
    case keyword = 2
    case int = 3
    case double = 4
    case bool = 5
    case datetime = 6
    case keywordList = 7
}

/// A compiled where clause; every part of it is true or false, never unknown.
///
/// - Comparisons with a missing value are false, ``Comparison/notEqual`` too; ``not(_:)`` is plain
///   negation, so the negation of a comparison holds for a missing value.
/// - The close time of an open run compares as ``Timestamp/distantFuture``, but is null.
/// - A comparison whose literal does not fit the column's type is false.
/// - A text equals a literal if they have a word in common, in any case; a keyword list equals each
///   of its elements. Neither has an order nor prefixes.
package indirect enum VisibilityFilter: Sendable, Equatable {
    package enum Comparison: Sendable, Equatable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    }

    case all
    case compare(VisibilityColumn, Comparison, SearchAttributeValue)
    case isIn(VisibilityColumn, [SearchAttributeValue])
    case between(VisibilityColumn, SearchAttributeValue, SearchAttributeValue)
    case startsWith(VisibilityColumn, String)
    case isNull(VisibilityColumn)
    case and(VisibilityFilter, VisibilityFilter)
    case or(VisibilityFilter, VisibilityFilter)
    case not(VisibilityFilter)
}

package struct VisibilityQuery: Sendable, Equatable {
    package var namespaceID: NamespaceID
    package var filter: VisibilityFilter
    /// Only rows strictly behind this one, in list order; for lists only.
    package var after: Position?
    package var countMax: Int
    /// For counts only.
    package var groupBy: VisibilityColumn?

    package init(
        namespaceID: NamespaceID, filter: VisibilityFilter, after: Position? = nil,
        countMax: Int = 1_000, groupBy: VisibilityColumn? = nil
    ) {
        self.namespaceID = namespaceID
        self.filter = filter
        self.after = after
        self.countMax = countMax
        self.groupBy = groupBy
    }

    /// A place in list order.
    package struct Position: Sendable, Equatable {
        /// ``Timestamp/distantFuture`` for an open run.
        package let closeAt: Timestamp
        package let startAt: Timestamp
        package let runID: RunID

        package init(closeAt: Timestamp, startAt: Timestamp, runID: RunID) {
            self.closeAt = closeAt
            self.startAt = startAt
            self.runID = runID
        }
    }
}

package struct VisibilityCount: Sendable, Equatable {
    package var total: Int64
    /// Values of the grouping column (its stored form) with their counts, by value.
    ///
    /// Runs without a value are in no group.
    package var groups: [Group]

    package struct Group: Sendable, Equatable {
        package let value: SearchAttributeValue
        package let count: Int64

        package init(value: SearchAttributeValue, count: Int64) {
            self.value = value
            self.count = count
        }
    }

    package init(total: Int64, groups: [Group]) {
        self.total = total
        self.groups = groups
    }
}
