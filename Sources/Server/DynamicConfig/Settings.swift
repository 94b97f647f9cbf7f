import Primitives

/// The tunables of a running server, by Temporal's key names in ``Settings/entries``.
///
/// A value type: services hold a copy. Every limit of the server is one of these.
package struct Settings: Sendable, Equatable {
    // Frontend and limits.
    package var idLengthMax = 1_000
    package var blobSizeErrorMax = 2 * 1_024 * 1_024
    package var memoSizeErrorMax = 2 * 1_024 * 1_024
    package var searchAttributeKeysMax = 100
    package var searchAttributeValueSizeMax = 2_048
    package var searchAttributesTotalSizeMax = 40_960
    package var historyPageSizeMax = 256
    package var visibilityPageSizeMax = 1_000
    package var namespaceRetentionMin = Duration.seconds(3_600)
    package var enableEagerWorkflowStart = true
    package var enableActivityEagerExecution = true
    package var enableWorkflowPause = false
    package var enableUpdates = true
    package var enableUpdatesAsyncAccepted = true
    /// Histories go to clients as serialized bytes.
    package var sendRawHistory = false
    package var sendTransientEvents = true
    /// These three are about a caller's connection: how long it may be without calls, how long it
    /// takes new ones, and how long its last ones may take; 0 is no limit.
    package var connectionIdleMax = Duration.seconds(120)
    package var connectionAgeMax = Duration.seconds(300)
    package var connectionAgeGrace = Duration.seconds(70)

    // History.
    package var historyLongPollExpiration = Duration.seconds(20)
    package var workflowTaskTimeoutDefault = Duration.seconds(10)
    package var workflowTaskTimeoutMax = Duration.seconds(120)
    package var workflowTaskRetryIntervalMax = Duration.seconds(600)
    package var workflowTaskHeartbeatTimeout = Duration.seconds(1_800)
    package var historySizeSuggestContinueAsNew: Int64 = 4 * 1_024 * 1_024
    package var historyCountSuggestContinueAsNew: Int64 = 4_096
    package var historySizeErrorMax: Int64 = 50 * 1_024 * 1_024
    package var historyCountErrorMax: Int64 = 51_200
    package var historySizeWarnMax: Int64 = 10 * 1_024 * 1_024
    package var historyCountWarnMax: Int64 = 10_240
    package var mutableStateSizeErrorMax = 8 * 1_024 * 1_024
    package var mutableStateSizeWarnMax = 1_024 * 1_024
    /// Bytes one transition may write.
    package var transactionSizeMax = 4 * 1_024 * 1_024
    package var signalsPerExecutionMax: Int64 = 10_000
    package var bufferedEventsMax = 100
    package var bufferedEventsSizeMax = 2 * 1_024 * 1_024
    /// Failures of workflow tasks in a row after which lists show a problem; 0 is never.
    package var workflowTaskProblemsMin: Int64 = 5
    package var bufferedQueriesMax = 1
    /// Updates of one run that are not done; 0 is any number, as for the next two.
    package var updatesInFlightMax = 10
    package var updatesInFlightSizeMax = 20 * 1_024 * 1_024
    /// Updates one run takes in its life.
    package var updatesPerExecutionMax = 2_000
    /// The share of them from which a workflow should continue as new; 0 is never.
    package var updatesSuggestContinueAsNew = 0.9
    /// Events a worker may be given again because a speculative workflow task left no trace.
    package var discardedTaskEventsMax: Int64 = 10
    package var pendingActivitiesMax = 2_000
    package var pendingTimersMax = 50_000
    /// These three: 0 is no limit.
    package var pendingChildrenMax = 2_000
    package var pendingSignalsMax = 2_000
    package var pendingCancelRequestsMax = 2_000
    package var enableCrossNamespaceCommands = false
    /// Children of closed runs one shard closes at a time.
    package var closingChildrenMax = 100
    package var autoResetPointsMax = 20
    package var workflowIDReuseIntervalMin = Duration.seconds(1)
    package var enableWorkflowIDReuseStartTimeValidation = false
    /// Requests that were attached to a run, and are remembered.
    package var attachedRequestsMax = 25
    /// Bytes of mutable state and recent events all shards of a process keep in memory.
    package var historyCacheSizeMax = 160 * 1_024 * 1_024
    /// Of these, what one shard keeps at most.
    package var shardCacheSizeMax = 64 * 1_024 * 1_024
    /// Timers one shard keeps in memory; later ones stay in the store.
    package var shardTimersMax = 100_000
    /// Runs one shard reads at a time because they are due.
    package var shardTimerLoadsMax = 256
    /// Runs one commit may remove because their retention is over.
    package var deletedRunsPerCommitMax = 100
    /// Requests one shard takes in before it answers "busy".
    package var shardRequestsMax = 50_000
    /// How long finished history tasks may wait for a commit to ride on.
    package var taskDeletionDelay = Duration.seconds(5)

    // Completion callbacks.
    package var callbackAddresses = CallbackAddressRules()
    /// Callbacks one run may have.
    package var callbacksMax = 2_000
    package var callbackURLLengthMax = 1_000
    /// Keys and values of one callback's header.
    package var callbackHeaderSizeMax = 8 * 1_024
    package var callbackRequestTimeout = Duration.seconds(10)
    package var callbackRetryIntervalInitial = Duration.seconds(1)
    package var callbackRetryIntervalMax = Duration.seconds(3_600)
    /// Callbacks one shard delivers at a time, to all and to one destination.
    package var callbackDeliveriesMax = 64
    package var callbackDeliveriesPerDestinationMax = 16

    // Standalone activities.
    package var enableStandaloneActivities = true
    package var enableActivityStartDelay = true
    package var activityLongPollTimeout = Duration.seconds(60)
    /// How long before a caller gives up its long poll is answered.
    package var activityLongPollBuffer = Duration.seconds(1)
    /// Links one standalone activity keeps.
    package var activityLinksMax = 2_000

    // Matching.
    package var matchingLongPollExpiration = Duration.seconds(60)
    package var stickyPollerUnavailableWindow = Duration.seconds(10)
    package var queryPollerUnavailableWindow = Duration.seconds(20)
    package var taskQueueIdleMax = Duration.seconds(300)
    package var pollerHistoryTTL = Duration.seconds(300)
    /// Polls one task queue holds at a time.
    package var taskQueuePollersMax = 10_000
    /// Tasks one task queue takes in at a time that are neither started nor durable yet.
    package var taskQueueAddsMax = 10_000
    /// Task queues one node keeps in memory.
    package var taskQueuesMax = 100_000
    /// Backlog tasks one task queue keeps in memory; the rest stays in the store.
    package var backlogWindowMax = 1_000
    package var backlogBatchMax = 100
    package var queriesWaitingMax = 1_000

    package init() {}
}
