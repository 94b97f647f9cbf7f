import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

typealias UpdateStage = Temporal_Api_Enums_V1_UpdateWorkflowExecutionLifecycleStage

/// A caller who waits for an update to get somewhere.
struct UpdateWaiter: Sendable {
    /// What the caller has asked, which decides the shape of the answer.
    enum Asked: Sendable {
        case update
        case poll
        /// With the answer to the start that came with the update.
        case startAndUpdate(Temporal_Api_Workflowservice_V1_StartWorkflowExecutionResponse)
    }

    let id: HistoryShard.RequestID
    let updateID: String
    /// Of the update's request, for the link in the answer.
    let updateRequestID: String
    /// What the caller waits for; ``UpdateStage/unspecified`` is nothing.
    let stage: UpdateStage
    let asked: Asked
    /// Sent again, once, if it may start a workflow in place of one that closed.
    let request: HistoryRequest
    /// When the caller is told how far the update got.
    let deadline: Timestamp
}

/// How far an update got.
enum UpdateStatus: Sendable {
    /// Nobody knows of it.
    case unknown
    case admitted
    case accepted
    case completed(UpdateOutcome)
    /// The outcome is in the event of this id.
    case completedBefore(eventID: Int64)
    case aborted(ServiceError)

    init(_ end: UpdateEnd) {
        switch end {
        case .completed(let outcome): self = .completed(outcome)
        case .rejected(let failure): self = .completed(.with { $0.failure = failure })
        case .aborted(let error): self = .aborted(error)
        }
    }

    /// Whether a caller who waits for `stage` has its answer.
    func reaches(_ stage: UpdateStage) -> Bool {
        switch self {
        case .unknown, .completed, .completedBefore, .aborted: true
        case .accepted: stage != .completed
        case .admitted: stage != .completed && stage != .accepted
        }
    }

    var stage: UpdateStage {
        switch self {
        case .completed, .completedBefore: .completed
        case .accepted: .accepted
        case .admitted, .unknown, .aborted: .admitted
        }
    }
}

extension CachedRun {
    func status(of updateID: String) -> UpdateStatus {
        if self.updates[updateID] != nil { return .admitted }
        guard let update = self.state.updates[updateID] else { return .unknown }
        switch update.state {
        case .completed: return .completedBefore(eventID: update.completedEventID)
        case .accepted: return self.state.isRunning ? .accepted : .completed(.closedWorkflow)
        case .admitted, .unspecified, .UNRECOGNIZED:
            return self.state.isRunning ? .admitted : UpdateStatus(.closedWorkflow)
        }
    }
}

extension HistoryShard {
    /// Answers the caller if the update is where it waits for it to be, or lets it wait.
    mutating func wait(for waiter: UpdateWaiter, on key: WorkflowKey, _ effects: inout [Effect]) {
        guard var run = self.runs[key] else { return }
        let status = run.status(of: waiter.updateID)
        guard !status.reaches(waiter.stage) else {
            return self.answer(waiter, with: status, run, &effects)
        }
        run.updateWaiters.append(waiter)
        self.store(run)
        self.waitingOn[waiter.id] = key
        self.waitDeadlines.set(waiter.id, to: waiter.deadline)
    }

    /// Answers those whose updates got somewhere, or ended.
    mutating func serveUpdateWaiters(
        of key: WorkflowKey, _ ends: [String: UpdateEnd], _ effects: inout [Effect]
    ) {
        guard var run = self.runs[key], !run.updateWaiters.isEmpty else { return }
        let waiters = run.updateWaiters
        var served: [(UpdateWaiter, UpdateStatus)] = []
        run.updateWaiters = []
        for waiter in waiters {
            let status =
                ends[waiter.updateID].map(UpdateStatus.init)
                ?? run.status(of: waiter.updateID)
            if status.reaches(waiter.stage) {
                served.append((waiter, status))
            } else {
                run.updateWaiters.append(waiter)
            }
        }
        guard !served.isEmpty else { return }
        self.store(run)
        for (waiter, status) in served {
            self.forgetWait(waiter.id)
            self.answer(waiter, with: status, run, &effects)
        }
    }

    /// A worker's answer cannot be carried out: the updates it had are not tried again.
    mutating func abortSentUpdates(of key: WorkflowKey, _ effects: inout [Effect]) {
        guard var run = self.runs[key] else { return }
        let sent = run.updates.removeSent()
        guard !sent.isEmpty else { return }
        self.store(run)
        let ends = Dictionary(uniqueKeysWithValues: sent.map { ($0, UpdateEnd.failedTask) })
        self.serveUpdateWaiters(of: key, ends, &effects)
    }

    /// Tells a caller how far its update got.
    mutating func answer(
        _ waiter: UpdateWaiter, with status: UpdateStatus, _ run: CachedRun,
        _ effects: inout [Effect]
    ) {
        let key = run.state.key
        switch status {
        case .unknown:
            self.refuse(waiter, .unavailable("workflow update was aborted"), key, &effects)
        case .aborted(let error):
            if let again = waiter.repeated(after: error) {
                self.repeated.append((waiter.id, again))
            } else {
                self.refuse(waiter, error, key, &effects)
            }
        case .admitted, .accepted:
            self.reply(waiter.id, waiter.reply(status, of: key, nil), seeing: key, &effects)
        case .completed(let outcome):
            self.reply(waiter.id, waiter.reply(status, of: key, outcome), seeing: key, &effects)
        case .completedBefore(let eventID):
            self.reply(
                waiter.id, waiter.reply(status, of: key, nil),
                fetch: HistoryFetch(eventID, of: key), &effects)
        }
    }

    private mutating func refuse(
        _ waiter: UpdateWaiter, _ error: ServiceError, _ key: WorkflowKey,
        _ effects: inout [Effect]
    ) {
        switch waiter.asked {
        case .update, .poll: self.refuse(waiter.id, error, seeing: key, &effects)
        case .startAndUpdate(let start):
            // The caller may try again: by then there may be something to update.
            let isClosing = !start.started && error == .updateAbortedByClosing
            let refusal = ServiceError.updateFailed(
                isClosing ? ServiceError(.aborted, error.message) : error,
                isStarted: start.started)
            self.refuse(waiter.id, refusal, seeing: key, &effects)
        }
    }
}

extension UpdateWaiter {
    /// The request to be sent once more, if it can start a workflow in place of the one that closed.
    fileprivate func repeated(after error: ServiceError) -> HistoryRequest? {
        guard case .startAndUpdate(let start) = self.asked, !start.started,
            error == .updateAbortedByClosing,
            case .startAndUpdate(let first, let update, isRepeated: false) = self.request.operation
        else { return nil }
        return HistoryRequest(
            namespace: self.request.namespace, workflowID: self.request.workflowID,
            deadline: self.request.deadline,
            operation: .startAndUpdate(first, update, isRepeated: true))
    }

    fileprivate func reply(
        _ status: UpdateStatus, of key: WorkflowKey, _ outcome: UpdateOutcome?
    ) -> HistoryReply {
        let reference = Temporal_Api_Update_V1_UpdateRef.with {
            $0.workflowExecution.workflowID = key.workflowID.rawValue
            $0.workflowExecution.runID = key.runID.rawValue
            $0.updateID = self.updateID
        }
        if case .poll = self.asked {
            let response = Temporal_Api_Workflowservice_V1_PollWorkflowExecutionUpdateResponse.with
            {
                $0.updateRef = reference
                $0.stage = status.stage
                if let outcome { $0.outcome = outcome }
            }
            return .updatePolled(response)
        }
        var response = Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionResponse.with {
            $0.updateRef = reference
            $0.stage = status.stage
            if status.stage != .admitted {
                $0.link = .request(
                    self.updateRequestID, .workflowExecutionUpdateAccepted, of: key,
                    namespace: self.request.namespace.name)
            }
        }
        if let outcome { response.set(outcome) }
        if case .startAndUpdate(let start) = self.asked {
            return .startedAndUpdated(start, response)
        }
        return .updated(response)
    }
}

extension Temporal_Api_Workflowservice_V1_UpdateWorkflowExecutionResponse {
    /// Sets how the update ended; one that failed may have left no event to link to.
    mutating func set(_ outcome: UpdateOutcome) {
        self.outcome = outcome
        guard case .failure = outcome.value else { return }
        let event = self.link.workflowEvent
        self.link.workflow = .with {
            $0.namespace = event.namespace
            $0.workflowID = event.workflowID
            $0.runID = event.runID
            $0.reason = "Update rejected"
        }
    }
}
