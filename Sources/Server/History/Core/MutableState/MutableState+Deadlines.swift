import Primitives
import TemporalAPI

/// Something that becomes due in a run.
package enum RunDeadline: Hashable, Sendable {
    case userTimer(timerID: String)
    case activity(scheduledEventID: Int64, ActivityDeadline)
    case workflowTaskTimeout(Temporal_Api_Enums_V1_TimeoutType)
    case firstTaskBackoff
    case runTimeout
    case executionTimeout
    case retention
    /// A callback of the closed run is to be tried again.
    case callback(number: Int)
}

/// The numbers decide which of two deadlines of the same moment counts.
package enum ActivityDeadline: Int, Hashable, Sendable {
    case startToClose = 1
    case scheduleToStart = 2
    case scheduleToClose = 3
    case heartbeat = 4
    /// The back-off before the next attempt is over.
    case retry = 5
}

extension MutableState {
    /// When this run next needs attention; nil is never.
    package var nextDeadline: Timestamp? {
        var earliest: Int64 = .max
        self.forEachDeadline { at, _ in earliest = min(earliest, at) }
        return earliest == .max ? nil : Timestamp(nanoseconds: earliest)
    }

    /// What is due at `now`, by time, then by kind and id.
    package func due(at now: Timestamp) -> [RunDeadline] {
        var due: [(at: Int64, order: Int64, deadline: RunDeadline)] = []
        self.forEachDeadline { at, deadline in
            guard at <= now.nanoseconds else { return }
            due.append((at, self.order(of: deadline), deadline))
        }
        return due.sorted { ($0.at, $0.order) < ($1.at, $1.order) }.map(\.deadline)
    }

    /// Ties in time are broken by the event that started the wait, then by kind.
    private func order(of deadline: RunDeadline) -> Int64 {
        switch deadline {
        case .userTimer(let id): (self.timers[id]?.startedEventID ?? 0) * 8
        case .activity(let id, let kind): id * 8 + Int64(kind.rawValue)
        case .workflowTaskTimeout: self.info.workflowTask.scheduledEventID * 8
        case .firstTaskBackoff, .runTimeout, .executionTimeout, .retention, .callback: .max
        }
    }

    private func forEachDeadline(_ body: (Int64, RunDeadline) -> Void) {
        guard self.isRunning else {
            if self.info.retentionNs > 0 {
                let at =
                    Timestamp(nanoseconds: self.info.closeAt) + .nanoseconds(self.info.retentionNs)
                body(at.nanoseconds, .retention)
            }
            for callback in self.callbacks where callback.state == .backingOff {
                body(callback.nextAttemptAt, .callback(number: callback.number))
            }
            return
        }
        if self.info.runExpirationAt != 0 { body(self.info.runExpirationAt, .runTimeout) }
        if self.info.executionExpirationAt != 0 {
            body(self.info.executionExpirationAt, .executionTimeout)
        }
        if self.isBackingOff, !self.isPaused, !self.awaitsParent {
            body(self.info.firstTaskBackoffUntil, .firstTaskBackoff)
        }
        if self.info.hasWorkflowTask {
            let task = self.info.workflowTask
            if task.startedEventID != 0 {
                body(task.startedAt &+ task.timeoutNs, .workflowTaskTimeout(.startToClose))
            } else if task.scheduleToStartAt != 0 {
                body(task.scheduleToStartAt, .workflowTaskTimeout(.scheduleToStart))
            }
        }
        for timer in self.timers.values { body(timer.firesAt, .userTimer(timerID: timer.timerID)) }
        for activity in self.activities.values {
            activity.forEachDeadline { at, kind in
                // A paused run hands nothing out.
                if kind == .retry, self.isPaused { return }
                body(at, .activity(scheduledEventID: activity.scheduledEventID, kind))
            }
        }
    }
}

extension StoredActivity {
    func forEachDeadline(_ body: (Int64, ActivityDeadline) -> Void) {
        // Time does not run for an activity an operator holds.
        guard !self.hasPause else { return }
        if self.scheduleToCloseNs > 0 {
            body(self.firstScheduledAt.after(self.scheduleToCloseNs), .scheduleToClose)
        }
        if self.isStarted {
            if self.startToCloseNs > 0 {
                body(self.startedAt.after(self.startToCloseNs), .startToClose)
            }
            if self.heartbeatNs > 0 {
                let last = max(self.startedAt, self.lastHeartbeatAt)
                body(last.after(self.heartbeatNs), .heartbeat)
            }
        } else {
            if self.backingOff { body(self.scheduledAt, .retry) }
            if self.scheduleToStartNs > 0 {
                body(self.scheduledAt.after(self.scheduleToStartNs), .scheduleToStart)
            }
        }
    }
}

extension Int64 {
    /// This point in time, that many nanoseconds later; clamped.
    func after(_ nanoseconds: Int64) -> Int64 {
        let (sum, overflow) = self.addingReportingOverflow(nanoseconds)
        return overflow ? .max : sum
    }
}
