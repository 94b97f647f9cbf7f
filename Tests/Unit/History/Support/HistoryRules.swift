import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// What every stored history obeys, and how memory, replies and store agree.
enum HistoryRules {
    static func check(_ shard: ShardHarness, _ when: String) throws {
        for key in shard.store.history.keys.sorted() {
            let events = try shard.events(key.runID, key.workflowID)
            self.check(events, "\(when), \(key)")
        }
        guard shard.heldBatches.isEmpty else { return }
        for (key, run) in shard.store.runs where key.archetype == .workflow {
            let record = RunRecord(
                key: key, version: run.version, info: run.info, items: run.items, currentRunID: nil)
            let stored = try MutableState(record)
            #expect(stored.nextDeadline == run.nextTimerAt, "\(when), \(key)")
            let isPaused =
                stored.info.hasPause || stored.activities.values.contains(where: \.hasPause)
            let pauseInfo = stored.info.searchAttributes["TemporalPauseInfo"]
            #expect(
                !stored.isRunning || isPaused == (pauseInfo != nil), "\(when), \(key)")
            for activity in stored.activities.values where activity.stamp == 0 {
                // Nobody has changed it, and it was not retried.
                let event = stored.activityScheduledEvents[activity.scheduledEventID]
                #expect(activity.hasOptions(of: event), "\(when), \(key)")
            }
            #expect(
                stored.info.nextEventID == (shard.store.history[key]?.last?.lastEventID ?? 0) + 1)
            if let cached = shard.cachedState(of: key) {
                #expect(cached.asWritten(like: stored) == stored, "\(when), \(key)")
            }
        }
    }

    /// Nobody is told of a run or an event that is not stored.
    static func check(_ outcome: Result<HistoryReply, ServiceError>, _ store: ShardTable) {
        guard case .success(let reply) = outcome else { return }
        let (runID, eventID): (String, Int64)
        switch reply {
        case .started(let response): (runID, eventID) = (response.runID, 1)
        case .signalWithStarted(let response): (runID, eventID) = (response.runID, 1)
        case .described(let response):
            let info = response.workflowExecutionInfo
            (runID, eventID) = (info.execution.runID, info.historyLength)
        case .workflowTaskStarted(let response):
            let written =
                response.attempt > 1 || !response.messages.isEmpty
                ? response.startedEventID - 2 : response.startedEventID
            (runID, eventID) = (response.workflowExecution.runID, written)
        case .standaloneActivity(let reply): return ActivityRules.check(reply, store)
        default: return
        }
        let key = store.history.keys.first { $0.runID.rawValue == runID }
        let last = key.flatMap { store.history[$0]?.last?.lastEventID } ?? 0
        #expect(last >= eventID, "a caller was told of event \(eventID) of \(runID)")
    }

    private static func check(_ events: [HistoryEvent], _ when: String) {
        #expect(events.map(\.eventID) == (1...Int64(events.count)).map { $0 }, "\(when)")
        #expect(events.first?.eventType == .workflowExecutionStarted, "\(when)")
        let closing = events.indices.filter { events[$0].eventType.closesRun }
        #expect(closing.isEmpty || closing == [events.count - 1], "\(when)")
        #expect(
            zip(events, events.dropFirst()).allSatisfy { $0.taskID < $1.taskID }, "\(when)")
        var pending = Pending()
        for event in events {
            if let flaw = pending.take(event) {
                Issue.record("\(when): event \(event.eventID) \(flaw)\n\(events.text)")
            }
        }
    }

    /// What is open after the events so far.
    private struct Pending {
        var task: (scheduled: Int64, started: Int64)?
        var activities: [Int64: Int64] = [:]
        var canceled: Set<Int64> = []
        var timers: [String: Int64] = [:]
        var completedTasks: Set<Int64> = []
        /// Updates that were accepted and are not done, by id.
        var updates: [String: Int64] = [:]
        var others = PendingOthers()

        mutating func take(_ event: HistoryEvent) -> String? {
            switch event.attributes {
            case .workflowTaskScheduledEventAttributes:
                if self.task != nil { return "is a second workflow task" }
                self.task = (event.eventID, 0)
            case .workflowTaskStartedEventAttributes(let attributes):
                guard self.task?.scheduled == attributes.scheduledEventID, self.task?.started == 0
                else {
                    return "starts a task that is not scheduled"
                }
                self.task?.started = event.eventID
            case .workflowTaskCompletedEventAttributes(let attributes):
                self.completedTasks.insert(event.eventID)
                return self.endTask(attributes.scheduledEventID, attributes.startedEventID)
            case .workflowTaskFailedEventAttributes(let attributes):
                return self.endTask(attributes.scheduledEventID, attributes.startedEventID)
            case .workflowTaskTimedOutEventAttributes(let attributes):
                return self.endTask(attributes.scheduledEventID, attributes.startedEventID)
            case .timerStartedEventAttributes(let attributes):
                self.timers[attributes.timerID] = event.eventID
                return self.needsTask(attributes.workflowTaskCompletedEventID)
            case .timerFiredEventAttributes(let attributes):
                return self.endTimer(attributes.timerID, attributes.startedEventID)
            case .timerCanceledEventAttributes(let attributes):
                return self.endTimer(attributes.timerID, attributes.startedEventID)
            case .workflowExecutionUpdateAcceptedEventAttributes(let attributes):
                guard self.updates[attributes.protocolInstanceID] == nil else {
                    return "accepts an update twice"
                }
                self.updates[attributes.protocolInstanceID] = event.eventID
            case .workflowExecutionUpdateCompletedEventAttributes(let attributes):
                guard self.updates[attributes.meta.updateID] == attributes.acceptedEventID else {
                    return "completes an update that was not accepted"
                }
                self.updates[attributes.meta.updateID] = 0
            default:
                return self.takeActivity(event) ?? self.others.take(event, self.completedTasks)
            }
            return nil
        }

        private mutating func takeActivity(_ event: HistoryEvent) -> String? {
            switch event.attributes {
            case .activityTaskScheduledEventAttributes(let attributes):
                self.activities[event.eventID] = 0
                return self.needsTask(attributes.workflowTaskCompletedEventID)
            case .activityTaskStartedEventAttributes(let attributes):
                guard self.activities[attributes.scheduledEventID] == 0 else {
                    return "starts an activity that is not waiting"
                }
                self.activities[attributes.scheduledEventID] = event.eventID
            case .activityTaskCancelRequestedEventAttributes(let attributes):
                guard self.activities[attributes.scheduledEventID] != nil else {
                    return "cancels an activity that is not pending"
                }
                self.canceled.insert(attributes.scheduledEventID)
            case .activityTaskCompletedEventAttributes(let attributes):
                return self.endActivity(attributes.scheduledEventID, attributes.startedEventID)
            case .activityTaskFailedEventAttributes(let attributes):
                return self.endActivity(attributes.scheduledEventID, attributes.startedEventID)
            case .activityTaskTimedOutEventAttributes(let attributes):
                return self.endActivity(attributes.scheduledEventID, attributes.startedEventID)
            case .activityTaskCanceledEventAttributes(let attributes):
                guard self.canceled.contains(attributes.scheduledEventID) else {
                    return "cancels an activity nobody wanted to cancel"
                }
                return self.endActivity(attributes.scheduledEventID, attributes.startedEventID)
            default:
                break
            }
            return nil
        }

        private func needsTask(_ id: Int64) -> String? {
            self.completedTasks.contains(id) ? nil : "names no completed workflow task"
        }

        private mutating func endTask(_ scheduled: Int64, _ started: Int64) -> String? {
            defer { self.task = nil }
            guard let task = self.task, task.scheduled == scheduled, task.started == started else {
                return "ends a task that is not open"
            }
            return nil
        }

        private mutating func endTimer(_ id: String, _ started: Int64) -> String? {
            guard self.timers[id] == started || started > 0 else { return "ends an unknown timer" }
            if self.timers[id] == started { self.timers[id] = nil }
            return nil
        }

        private mutating func endActivity(_ scheduled: Int64, _ started: Int64) -> String? {
            guard self.activities.removeValue(forKey: scheduled) == started else {
                return "ends an activity that is not open, or names the wrong start"
            }
            return nil
        }
    }
}

extension MutableState {
    /// This state without what is in memory only: a speculative workflow task, and what it did to
    /// the way the run reaches its worker.
    fileprivate func asWritten(like stored: MutableState) -> MutableState {
        MutableState(self) { info in
            if info.workflowTask.kind == .speculative { info.clearWorkflowTask() }
            info.stickyTaskQueue = stored.info.stickyTaskQueue
            info.stickyScheduleToStartNs = stored.info.stickyScheduleToStartNs
            info.closeAttempted = stored.info.closeAttempted
        }
    }
}

extension StoredActivity {
    /// Whether its options are those its workflow gave it.
    fileprivate func hasOptions(of event: HistoryEvent?) -> Bool {
        guard let attributes = event?.activityTaskScheduledEventAttributes else { return false }
        let timeouts = [
            (self.scheduleToCloseNs, attributes.scheduleToCloseTimeout),
            (self.scheduleToStartNs, attributes.scheduleToStartTimeout),
            (self.startToCloseNs, attributes.startToCloseTimeout),
            (self.heartbeatNs, attributes.heartbeatTimeout),
        ]
        return self.taskQueue == attributes.taskQueue.name
            && timeouts.allSatisfy { $0 == Duration(clamping: $1).nanoseconds }
            && self.retryPolicy == attributes.retryPolicy && self.priority == attributes.priority
    }
}
