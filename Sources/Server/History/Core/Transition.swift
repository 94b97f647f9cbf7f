import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// One state transition of one run in the making: a pure function's scratch paper.
///
/// Works on a copy of the mutable state; dropping the transition undoes everything. Commands and
/// requests call its `add…` functions, which decide, append events and apply them.
package struct Transition {
    package internal(set) var state: MutableState
    let now: Timestamp
    let settings: Settings
    var generator: SeededGenerator
    /// Complete batches of events, in order.
    private(set) var batches: [[HistoryEvent]] = []
    /// Bytes of the batches that another run had already written, as its size counts them.
    let forkedBytes: Int64
    private var openBatch: [HistoryEvent] = []
    private(set) var tasks: [StoredHistoryTask] = []
    private var touched: Set<RunItem.Changed> = []
    private let storedOrdinals: Set<Int>
    private let wasPaused: Bool
    /// Set when what lists show of the run changed.
    private(set) var isVisibilityChanged = false
    /// The run which takes over from this one: continue-as-new or a workflow retry.
    var successor: NewRun?
    /// Set when something happened that a worker must hear of, though no event says so yet.
    var needsWorkflowTask = false
    /// Whether events came while the workflow task that is being completed was with its worker.
    var hasUnseenEvents = false
    /// Activities the completing worker wants to run itself, by scheduled event.
    var eagerActivities: [Int64] = []
    /// Other namespaces that commands name.
    var otherNamespaces: [String: NamespaceID] = [:]
    /// Which of the commands at hand cannot be carried out, as the frontend has found.
    var flaw: CompletionFlaw?
    /// Workflow ids of the children that the commands at hand have asked for.
    var newChildren: Set<String> = []
    /// Who completes a workflow task.
    var workerIdentity = historyServiceIdentity
    /// The run's updates that are not in history.
    var updates: PendingUpdates
    /// Updates that ended or left the run in this transition, by update id.
    var updateEnds: [String: UpdateEnd] = [:]
    /// Messages that came with the workflow task that is being completed, and no command has taken.
    var inbox: [ProtocolMessage] = []

    init(
        _ state: MutableState, updates: PendingUpdates = PendingUpdates(), now: Timestamp,
        settings: Settings, generator: SeededGenerator
    ) {
        self.state = state
        self.updates = updates
        self.now = now
        self.settings = settings
        self.generator = generator
        self.wasPaused = state.isPaused
        self.storedOrdinals = Set(state.bufferedEvents.map(\.ordinal))
        self.forkedBytes = 0
    }

    /// Begins a run with a copy of another one's history.
    init(
        forking rebuilt: RebuiltState, _ batches: [[HistoryEvent]], now: Timestamp,
        settings: Settings, generator: SeededGenerator
    ) {
        self.state = rebuilt.state
        self.updates = PendingUpdates()
        self.now = now
        self.settings = settings
        self.generator = generator
        self.storedOrdinals = []
        self.batches = batches
        self.forkedBytes = rebuilt.state.info.historySize
        self.wasPaused = rebuilt.state.isPaused
        self.touched = rebuilt.changed
        self.isVisibilityChanged = true
    }

    /// The parts of the state to write; those that came and went within the transition are not.
    var changedItems: Set<RunItem.Changed> {
        self.touched.filter { change in
            guard case .bufferedEvent(let ordinal) = change else { return true }
            return self.storedOrdinals.contains(ordinal)
                || self.state.bufferedEvents.contains { $0.ordinal == ordinal }
        }
    }

    // MARK: Events

    /// Appends an event and returns it as written; its id is 0 if it was buffered.
    ///
    /// Events a worker causes get their id at once; those that come from elsewhere wait in the
    /// buffer until no workflow task is started, at the earliest until the end of this transition.
    @discardableResult
    mutating func append(
        _ type: EventType, _ attributes: HistoryEvent.OneOf_Attributes,
        configure: (inout HistoryEvent) -> Void = { _ in }
    ) -> HistoryEvent {
        var event = HistoryEvent()
        event.eventType = type
        event.eventTime = self.now.proto
        event.attributes = attributes
        configure(&event)
        return self.append(event)
    }

    /// Appends an event that is complete but for its id.
    @discardableResult
    mutating func append(_ event: HistoryEvent) -> HistoryEvent {
        var event = event
        event.eventID = 0
        if !event.eventType.closesRun { self.makeWorkflowTaskNormal() }
        if event.eventType.isBufferable {
            self.buffer(event)
        } else {
            self.write(&event)
        }
        return event
    }

    private mutating func write(_ event: inout HistoryEvent) {
        event.eventID = self.state.info.nextEventID
        self.state.info.nextEventID += 1
        self.apply(event)
        self.openBatch.append(event)
        if event.eventType == .workflowTaskStarted || event.eventType.closesRun { self.endBatch() }
    }

    private mutating func buffer(_ event: HistoryEvent) {
        self.apply(event)
        let ordinal = (self.state.bufferedEvents.last?.ordinal ?? -1) + 1
        self.state.bufferedEvents.append(.init(ordinal: ordinal, event: event))
        self.touched.insert(.bufferedEvent(ordinal))
    }

    private mutating func apply(_ event: HistoryEvent) {
        do throws(HistoryCorrupted) {
            self.touched.formUnion(try self.state.apply(event))
        } catch {
            invariantFailure("decided an event that cannot be applied: \(error)")
        }
        switch event.eventType {
        case .workflowExecutionStarted, .workflowExecutionPaused, .workflowExecutionUnpaused,
            .upsertWorkflowSearchAttributes,
            .workflowPropertiesModified:
            self.isVisibilityChanged = true
        default:
            if event.eventType.closesRun { self.isVisibilityChanged = true }
        }
    }

    /// Gives the buffered events their ids: what ends an activity or a child last, otherwise in
    /// order.
    mutating func flushBufferedEvents() {
        guard !self.state.bufferedEvents.isEmpty else { return }
        let waiting = self.state.bufferedEvents
        self.state.bufferedEvents = []
        for entry in waiting { self.touched.insert(.bufferedEvent(entry.ordinal)) }
        let ordered =
            waiting.filter { !$0.event.eventType.endsPending }
            + waiting.filter { $0.event.eventType.endsPending }
        var startedIDs: [Int64: Int64] = [:]
        for entry in ordered {
            var event = entry.event
            event.eventID = self.state.info.nextEventID
            self.state.info.nextEventID += 1
            if event.eventType == .activityTaskStarted {
                startedIDs[event.activityTaskStartedEventAttributes.scheduledEventID] =
                    event.eventID
            } else if event.eventType == .childWorkflowExecutionStarted {
                startedIDs[event.childWorkflowExecutionStartedEventAttributes.initiatedEventID] =
                    event.eventID
            }
            event.patchStartedEventID(startedIDs)
            self.touched.formUnion(self.state.applyNumber(of: event))
            self.openBatch.append(event)
        }
    }

    /// Drops what waits in the buffer: the run closed without having seen it.
    mutating func dropBufferedEvents() {
        for entry in self.state.bufferedEvents {
            self.touched.insert(.bufferedEvent(entry.ordinal))
        }
        self.state.bufferedEvents = []
    }

    /// Takes a buffered firing of a timer back.
    /// - Returns: the id of the event that started the timer; nil if no firing is in the buffer.
    mutating func takeBackTimerFired(_ timerID: String) -> Int64? {
        let index = self.state.bufferedEvents.firstIndex {
            $0.event.eventType == .timerFired
                && $0.event.timerFiredEventAttributes.timerID == timerID
        }
        guard let index else { return nil }
        let entry = self.state.bufferedEvents.remove(at: index)
        self.touched.insert(.bufferedEvent(entry.ordinal))
        if self.state.bufferedEvents.isEmpty { self.hasUnseenEvents = false }
        return entry.event.timerFiredEventAttributes.startedEventID
    }

    /// Whether an event that ends this activity waits in the buffer.
    func hasBufferedEnd(ofActivity scheduledEventID: Int64) -> Bool {
        self.state.bufferedEvents.contains { entry in
            switch entry.event.attributes {
            case .activityTaskCompletedEventAttributes(let attributes):
                attributes.scheduledEventID == scheduledEventID
            case .activityTaskFailedEventAttributes(let attributes):
                attributes.scheduledEventID == scheduledEventID
            case .activityTaskTimedOutEventAttributes(let attributes):
                attributes.scheduledEventID == scheduledEventID
            case .activityTaskCanceledEventAttributes(let attributes):
                attributes.scheduledEventID == scheduledEventID
            default:
                false
            }
        }
    }

    mutating func endBatch() {
        guard !self.openBatch.isEmpty else { return }
        self.batches.append(self.openBatch)
        self.openBatch = []
    }

    // MARK: State that is not in history

    mutating func put(_ activity: StoredActivity) {
        self.state.put(activity)
        self.touched.insert(.activity(activity.scheduledEventID))
    }

    /// Forgets an update that an event admitted, and the worker has rejected.
    mutating func removeAdmittedUpdate(_ id: String) {
        guard self.state.updates.removeValue(forKey: id) != nil else { return }
        self.touched.insert(.update(id))
    }

    mutating func add(_ task: (inout StoredHistoryTask) -> Void) {
        var record = StoredHistoryTask()
        record.namespaceID = self.state.info.namespaceID
        record.workflowID = self.state.info.workflowID
        record.runID = self.state.info.runID
        task(&record)
        self.tasks.append(record)
    }

    private var touchedActivities: Bool {
        self.touched.contains { if case .activity = $0 { true } else { false } }
    }

    private var isBufferFull: Bool {
        let events = self.state.bufferedEvents
        return events.count > self.settings.bufferedEventsMax
            || events.reduce(0) { $0 + $1.bytes } > self.settings.bufferedEventsSizeMax
    }

    /// Sets or removes a search attribute of the server's own, which no event tells of.
    mutating func setSearchAttribute(
        _ name: String, to payload: Temporal_Api_Common_V1_Payload?
    ) {
        guard self.state.info.searchAttributes[name] != payload else { return }
        self.state.info.searchAttributes[name] = payload
        self.isVisibilityChanged = true
    }

    /// Notes in the search attributes which builds have worked on the run.
    mutating func noteBuilds() {
        if self.state.noteBuilds(self.settings) { self.isVisibilityChanged = true }
    }

    /// Completes the transition: schedules what is due to the worker, flushes, counts.
    mutating func finish() {
        if self.state.hasStartedWorkflowTask, self.isBufferFull {
            // The worker takes too long to let that many events wait.
            self.failWorkflowTask(
                .forceCloseCommand, failure: nil, identity: historyServiceIdentity)
        }
        if self.state.isRunning { self.makeWorkflowTaskNormal() }
        if self.needsWorkflowTask { self.scheduleWorkflowTask() }
        if !self.state.isRunning {
            self.dropBufferedEvents()
            self.endUpdates()
        }
        if !self.state.hasStartedWorkflowTask { self.flushBufferedEvents() }
        self.touched.formUnion(
            self.state.keepAttachedRequests(self.settings.attachedRequestsMax))
        self.endBatch()
        if self.touchedActivities || self.state.isPaused != self.wasPaused {
            self.updatePauseInfo()
        }
        self.state.info.stateTransitionCount += 1
        if let first = self.batches.last?.first {
            self.state.info.lastBatchFirstEventID = first.eventID
        }
        if !self.state.isRunning, self.state.info.closeBatchEventID == 0 {
            self.tellOtherRuns()
            self.forgetPending()
        }
    }

    /// The run has closed: nothing that was pending is needed any more.
    private mutating func forgetPending() {
        self.state.info.closeBatchEventID = self.state.info.lastBatchFirstEventID
        self.state.info.clearWorkflowTask()
        for id in self.state.activities.keys {
            self.touched.formUnion([.activity(id), .activityScheduledEvent(id)])
        }
        for id in self.state.timers.keys { self.touched.insert(.timer(id)) }
        for id in self.state.signalRequestIDs { self.touched.insert(.signalRequest(id)) }
        for id in self.state.children.keys { self.touched.insert(.child(id)) }
        for id in self.state.externalSignals.keys { self.touched.insert(.externalSignal(id)) }
        for id in self.state.externalCancels.keys { self.touched.insert(.externalCancel(id)) }
        if self.state.info.resetFromRunID.isEmpty { self.touched.insert(.startedEvent) }
        self.state.forgetPending()
        self.triggerCallbacks()
    }

    /// Changes a callback, attempts of which are not in history.
    mutating func changeCallback(_ number: Int, _ change: (inout StoredCallback) -> Void) {
        guard var callback = self.state.callback(number) else { return }
        change(&callback)
        self.state.put(callback)
        self.touched.insert(.callback(number))
    }
}

extension HistoryEvent {
    /// Sets the started event's id on an event that ends the same activity or child.
    fileprivate mutating func patchStartedEventID(_ startedIDs: [Int64: Int64]) {
        switch self.attributes {
        case .activityTaskCompletedEventAttributes(let attributes):
            guard let id = startedIDs[attributes.scheduledEventID] else { return }
            self.activityTaskCompletedEventAttributes.startedEventID = id
        case .activityTaskFailedEventAttributes(let attributes):
            guard let id = startedIDs[attributes.scheduledEventID] else { return }
            self.activityTaskFailedEventAttributes.startedEventID = id
        case .activityTaskTimedOutEventAttributes(let attributes):
            guard let id = startedIDs[attributes.scheduledEventID] else { return }
            self.activityTaskTimedOutEventAttributes.startedEventID = id
        case .activityTaskCanceledEventAttributes(let attributes):
            guard let id = startedIDs[attributes.scheduledEventID] else { return }
            self.activityTaskCanceledEventAttributes.startedEventID = id
        default:
            guard let child = self.endedChild, let id = startedIDs[child] else { return }
            self.setChildStarted(id)
        }
    }
}

/// A run that is to be created in the same commit.
struct NewRun {
    let runID: RunID
    let event: HistoryEvent
    let createRequestID: String
}
