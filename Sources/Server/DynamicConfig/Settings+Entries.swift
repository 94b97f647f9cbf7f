import Primitives

extension Settings {
    /// What a dynamic-configuration value is refused for.
    package struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// A value as configuration files and command lines spell it.
    package enum Value: Equatable, Sendable {
        case bool(Bool)
        case int(Int64)
        case double(Double)
        case string(String)
        case list([Value])
        case map([String: Value])
    }

    /// One tunable that can be set: its key in Temporal's spelling, and how a value gets in.
    package struct Entry: Sendable {
        package let key: String
        /// Whether one namespace can have a value of its own.
        package let isPerNamespace: Bool
        let apply: @Sendable (inout Settings, Value, _ namespace: String?) throws(Refusal) -> Void

        init(
            key: String, isPerNamespace: Bool,
            apply:
                @escaping @Sendable (inout Settings, Value, String?) throws(Refusal) ->
                Void
        ) {
            self.key = key
            self.isPerNamespace = isPerNamespace
            self.apply = apply
        }

        init(
            key: String,
            apply: @escaping @Sendable (inout Settings, Value) throws(Refusal) -> Void
        ) {
            self.init(key: key, isPerNamespace: false) {
                (settings, value, _) throws(Refusal) in try apply(&settings, value)
            }
        }
    }

    /// The tunable named `key` (case does not matter).
    package static func entry(_ key: String) -> Entry? {
        let wanted = key.lowercased()
        return Self.entries.first { $0.key.lowercased() == wanted }
    }

    /// Sets the tunable named `key`, for one namespace alone if it can be and one is named.
    /// - Returns: false if no tunable has this key.
    /// - Throws: ``Refusal`` if the value has the wrong type or is out of range.
    package mutating func set(
        _ key: String, to value: Value, in namespace: String? = nil
    ) throws(Refusal) -> Bool {
        guard let entry = Self.entry(key) else { return false }
        try entry.apply(&self, value, entry.isPerNamespace ? namespace : nil)
        return true
    }

    /// Every tunable with a key of Temporal's.
    package static let entries: [Entry] = generalEntries + callbackEntries

    private static let generalEntries: [Entry] = [
        int("limit.maxIDLength", \.idLengthMax, 1...100_000),
        int("limit.blobSize.error", \.blobSizeErrorMax, 1...(1 << 30)),
        int("limit.memoSize.error", \.memoSizeErrorMax, 1...(1 << 30)),
        int("frontend.searchAttributesNumberOfKeysLimit", \.searchAttributeKeysMax, 0...10_000),
        int(
            "frontend.searchAttributesSizeOfValueLimit", \.searchAttributeValueSizeMax,
            0...(1 << 30)),
        int(
            "frontend.searchAttributesTotalSizeLimit", \.searchAttributesTotalSizeMax, 0...(1 << 30)
        ),
        int("frontend.historyMaxPageSize", \.historyPageSizeMax, 1...100_000),
        int("limit.historyMaxPageSize", \.historyPageSizeMax, 1...100_000),
        int("frontend.visibilityMaxPageSize", \.visibilityPageSizeMax, 1...100_000),
        duration("system.namespaceMinRetentionLocal", \.namespaceRetentionMin),
        bool("system.enableEagerWorkflowStart", \.enableEagerWorkflowStart),
        bool("system.enableActivityEagerExecution", \.enableActivityEagerExecution),
        bool("frontend.WorkflowPauseEnabled", \.enableWorkflowPause),
        bool("frontend.enableUpdateWorkflowExecution", \.enableUpdates),
        bool(
            "frontend.enableUpdateWorkflowExecutionAsyncAccepted", \.enableUpdatesAsyncAccepted),
        bool("frontend.sendRawWorkflowHistory", \.sendRawHistory),
        duration("frontend.keepAliveMaxConnectionIdle", \.connectionIdleMax),
        duration("frontend.keepAliveMaxConnectionAge", \.connectionAgeMax),
        duration("frontend.keepAliveMaxConnectionAgeGrace", \.connectionAgeGrace),
        bool("history.sendTransientOrSpeculativeWorkflowTaskEvents", \.sendTransientEvents),
        duration("history.longPollExpirationInterval", \.historyLongPollExpiration),
        duration("history.defaultWorkflowTaskTimeout", \.workflowTaskTimeoutDefault),
        duration("history.workflowTaskRetryMaxInterval", \.workflowTaskRetryIntervalMax),
        duration("history.workflowTaskHeartbeatTimeout", \.workflowTaskHeartbeatTimeout),
        int64("limit.historySize.suggestContinueAsNew", \.historySizeSuggestContinueAsNew),
        int64("limit.historyCount.suggestContinueAsNew", \.historyCountSuggestContinueAsNew),
        int64("limit.historySize.error", \.historySizeErrorMax),
        int64("limit.historyCount.error", \.historyCountErrorMax),
        int64("limit.historySize.warn", \.historySizeWarnMax),
        int64("limit.historyCount.warn", \.historyCountWarnMax),
        int("limit.mutableStateSize.error", \.mutableStateSizeErrorMax, 1...(1 << 30)),
        int("limit.mutableStateSize.warn", \.mutableStateSizeWarnMax, 1...(1 << 30)),
        int("system.transactionSizeLimit", \.transactionSizeMax, 1...(1 << 30)),
        int("history.maximumBufferedEventsSizeInBytes", \.bufferedEventsSizeMax, 1...(1 << 30)),
        int64(
            "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute",
            \.workflowTaskProblemsMin),
        int64("history.maximumSignalsPerExecution", \.signalsPerExecutionMax),
        int("history.maximumBufferedEventsBatch", \.bufferedEventsMax, 1...100_000),
        int("history.MaxBufferedQueryCount", \.bufferedQueriesMax, 0...10_000),
        int("history.maxInFlightUpdates", \.updatesInFlightMax, 0...1_000_000),
        int("history.maxInFlightUpdatePayloads", \.updatesInFlightSizeMax, 0...(1 << 30)),
        int("history.maxTotalUpdates", \.updatesPerExecutionMax, 0...1_000_000),
        share(
            "history.maxTotalUpdates.suggestContinueAsNewThreshold",
            \.updatesSuggestContinueAsNew),
        int64(
            "history.discardSpeculativeWorkflowTaskMaximumEventsCount", \.discardedTaskEventsMax),
        int("history.hostLevelCacheMaxSizeBytes", \.historyCacheSizeMax, 0...(1 << 40)),
        int("limit.numPendingActivities.error", \.pendingActivitiesMax, 0...1_000_000),
        int("limit.numPendingChildExecutions.error", \.pendingChildrenMax, 0...1_000_000),
        int("limit.numPendingSignals.error", \.pendingSignalsMax, 0...1_000_000),
        int("limit.numPendingCancelRequests.error", \.pendingCancelRequestsMax, 0...1_000_000),
        bool("system.enableCrossNamespaceCommands", \.enableCrossNamespaceCommands),
        int("history.historyMaxAutoResetPoints", \.autoResetPointsMax, 0...10_000),
        duration("history.workflowIdReuseMinimalInterval", \.workflowIDReuseIntervalMin),
        bool(
            "history.enableWorkflowIdReuseStartTimeValidation",
            \.enableWorkflowIDReuseStartTimeValidation),
        int("history.maximumRequestIDsPerExecution", \.attachedRequestsMax, 1...10_000),
        bool("activity.enableStandalone", \.enableStandaloneActivities),
        bool("activity.startDelayEnabled", \.enableActivityStartDelay),
        duration("activity.longPollTimeout", \.activityLongPollTimeout),
        duration("activity.longPollBuffer", \.activityLongPollBuffer),
        int("chasm.maxLinksPerComponent", \.activityLinksMax, 0...100_000),
        duration("matching.longPollExpirationInterval", \.matchingLongPollExpiration),
        duration("matching.queryPollerUnavailableWindow", \.queryPollerUnavailableWindow),
        duration("matching.maxTaskQueueIdleTime", \.taskQueueIdleMax),
        duration("matching.PollerHistoryTTL", \.pollerHistoryTTL),
    ]

    static func int(
        _ key: String, _ path: any (WritableKeyPath<Settings, Int> & Sendable),
        _ range: ClosedRange<Int>
    ) -> Entry {
        Entry(key: key) { (settings, value) throws(Refusal) in
            guard case .int(let number) = value, range.contains(Int(number)) else {
                throw Refusal(
                    description:
                        "\(key) takes a whole number from \(range.lowerBound) to \(range.upperBound)"
                )
            }
            settings[keyPath: path] = Int(number)
        }
    }

    private static func int64(
        _ key: String, _ path: any (WritableKeyPath<Settings, Int64> & Sendable)
    ) -> Entry {
        Entry(key: key) { (settings, value) throws(Refusal) in
            guard case .int(let number) = value, number >= 0 else {
                throw Refusal(description: "\(key) takes a whole number from 0")
            }
            settings[keyPath: path] = number
        }
    }

    private static func share(
        _ key: String, _ path: any (WritableKeyPath<Settings, Double> & Sendable)
    ) -> Entry {
        Entry(key: key) { (settings, value) throws(Refusal) in
            let number: Double? =
                switch value {
                case .double(let number): number
                case .int(let number): Double(number)
                case .bool, .string, .list, .map: nil
                }
            guard let number, (0...1).contains(number) else {
                throw Refusal(description: "\(key) takes a number from 0 to 1")
            }
            settings[keyPath: path] = number
        }
    }

    private static func bool(
        _ key: String, _ path: any (WritableKeyPath<Settings, Bool> & Sendable)
    ) -> Entry {
        Entry(key: key) { (settings, value) throws(Refusal) in
            guard case .bool(let flag) = value else {
                throw Refusal(description: "\(key) takes true or false")
            }
            settings[keyPath: path] = flag
        }
    }

    static func duration(
        _ key: String, _ path: any (WritableKeyPath<Settings, Duration> & Sendable)
    ) -> Entry {
        Entry(key: key) { (settings, value) throws(Refusal) in
            guard let duration = Self.duration(value), duration >= .zero else {
                throw Refusal(description: "\(key) takes a duration like 10s, 500ms or 1h30m")
            }
            settings[keyPath: path] = duration
        }
    }

    /// Reads a duration as Go spells it, with days added; a bare number is seconds.
    package static func duration(_ value: Value) -> Duration? {
        switch value {
        case .int(let seconds): .seconds(min(max(seconds, 0), Duration.longest.components.seconds))
        case .string(let text): Duration(written: text, allowsDays: true)
        case .bool, .double, .list, .map: nil
        }
    }
}
