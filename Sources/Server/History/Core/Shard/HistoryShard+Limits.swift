import DynamicConfig
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

/// Why a run is terminated by the server, in Temporal's words.
enum RunLimit: String {
    case historySize = "Workflow history size exceeds limit."
    case historyCount = "Workflow history count exceeds limit."
    case stateSize = "Workflow mutable state size exceeds limit."
    case transactionSize = "Transaction size exceeds limit."
}

/// What one transition writes of one run.
struct PreparedWrite {
    let run: CachedRun
    let write: RunWrite
    let nodes: [HistoryNode]
    let events: [HistoryEvent]
    let eventBytes: Int
    let tasks: [StoredHistoryTask]
    let isVisibilityChanged: Bool
    let updateEnds: [String: UpdateEnd]

    var key: WorkflowKey { self.write.key }
    var bytes: Int {
        self.eventBytes + self.write.info.count
            + self.write.upsertedItems.values.reduce(0) { $0 + $1.count }
    }
}

/// A transition ready to be written, with the run that takes over from this one.
struct PreparedStep {
    let run: PreparedWrite
    let successor: PreparedWrite?

    var bytes: Int { self.run.bytes + (self.successor?.bytes ?? 0) }
}

extension HistoryShard {
    /// The limit a transition breaks; nil if it breaks none, or the run ends with it anyway.
    ///
    /// The size of the history counts as it was before, so that its last events get in, and the
    /// events that go through the buffer count from the next transition on, as in Temporal.
    func limitReached(by step: PreparedStep, after run: CachedRun) -> RunLimit? {
        guard run.state.isRunning else { return nil }
        if step.bytes > self.settings.transactionSizeMax { return .transactionSize }
        guard step.run.run.state.isRunning else { return nil }
        if run.state.info.historySize > self.settings.historySizeErrorMax { return .historySize }
        let unbuffered = step.run.events.count { !$0.eventType.isBufferable }
        if run.state.info.nextEventID - 1 + Int64(unbuffered) > self.settings.historyCountErrorMax {
            return .historyCount
        }
        return step.run.run.stateBytes > self.settings.mutableStateSizeErrorMax ? .stateSize : nil
    }

    /// Tells an operator of a run that has just become large.
    func reportGrowth(to write: PreparedWrite, _ effects: inout [Effect]) {
        guard let before = self.runs[write.key] else { return }
        let after = write.run
        func check(_ what: String, _ old: Int64, _ new: Int64, _ limit: Int64) {
            guard old <= limit, new > limit else { return }
            effects.append(.report(.runLarge(write.key, "\(what) is \(new), more than \(limit)")))
        }
        check(
            "history size", before.state.info.historySize, after.state.info.historySize,
            self.settings.historySizeWarnMax)
        check(
            "history count", before.state.info.nextEventID - 1, after.state.info.nextEventID - 1,
            self.settings.historyCountWarnMax)
        check(
            "mutable state size", Int64(before.stateBytes), Int64(after.stateBytes),
            Int64(self.settings.mutableStateSizeWarnMax))
    }

    // MARK: The call that went too far

    /// A request that is being performed, and what it is refused with although it was handled.
    struct CurrentCall {
        let id: RequestID
        /// Matching asks for a poll, which must not fail: to it the run is closed.
        let isForPoll: Bool
        var refusal: ServiceError?

        init(_ id: RequestID, _ operation: HistoryOperation) {
            self.id = id
            switch operation {
            case .recordWorkflowTaskStarted, .recordActivityTaskStarted: self.isForPoll = true
            default: self.isForPoll = false
            }
        }
    }

    mutating func refuseCurrentCall(_ error: ServiceError) {
        guard let call = self.currentCall else { return }
        self.currentCall?.refusal = call.isForPoll ? .workflowCompleted : error
    }

    /// The effect, or a refusal in place of the reply to the current call.
    func refusing(_ effect: Effect) -> Effect {
        guard let call = self.currentCall, let refusal = call.refusal else { return effect }
        switch effect {
        case .reply(call.id, _), .replyWithHistory(call.id, _, _):
            return .reply(call.id, .failure(refusal))
        default: return effect
        }
    }
}
