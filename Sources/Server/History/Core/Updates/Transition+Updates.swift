import DynamicConfig
import Primitives
import SwiftProtobuf
import TemporalAPI

/// Where an update stands while a workflow task is being completed, as messages name it.
private enum UpdateState: String {
    case admitted = "Admitted"
    case sent = "Sent"
    /// By the completion at hand.
    case justAccepted = "ProvisionallyAccepted"
    case accepted = "Accepted"
    case justCompleted = "ProvisionallyCompleted"
    case completed = "Completed"
}

extension Transition {
    /// Does what the messages say that no command refers to.
    mutating func applyRemainingMessages() throws(CommandFailure) {
        let remaining = self.inbox
        self.inbox = []
        for message in remaining { try self.handle(message) }
    }

    mutating func handle(_ message: ProtocolMessage) throws(CommandFailure) {
        try self.check(
            size: message.body.value.count, of: "Message type \(message.typeName)",
            .badUpdateWorkflowExecutionMessage)
        guard message.protocolName == UpdateMessage.protocolName else {
            throw .badMessage("unsupported protocol type \(message.protocolName)")
        }
        let id = message.protocolInstanceID
        let body = try UpdateMessage(message)
        var state = self.updateState(of: id)
        if state == nil, let request = body?.request {
            // It was lost with the memory it was in; the worker still knows it.
            try self.checkUpdateCount()
            var request = request
            request.meta.updateID = id
            self.updates.admit(request)
            state = .admitted
        }
        guard let state else {
            throw .badMessage(
                "update \(id) wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries"
            )
        }
        // A run that has closed takes nothing in; what it leaves open ends with it.
        if !self.state.isRunning, !message.isRejection { return }
        guard let body else {
            throw .badMessage("Message type \(message.shortTypeName) not supported")
        }
        switch (body, state) {
        case (.acceptance(let acceptance), .admitted), (.acceptance(let acceptance), .sent):
            try self.accept(acceptance, of: id)
        case (.rejection(let rejection), .admitted), (.rejection(let rejection), .sent):
            self.reject(id, .rejected(rejection.failure))
        case (.response(let response), .accepted), (.response(let response), .justAccepted):
            try self.complete(response, of: id)
        case (.acceptance, _), (.rejection, _), (.response, _):
            throw .badMessage(
                "invalid state transition attempted for Update \(id): received \(message.shortTypeName) message while in state \(state.rawValue)"
            )
        }
    }

    private func updateState(of id: String) -> UpdateState? {
        if let pending = self.updates[id] { return pending.carrier == nil ? .admitted : .sent }
        guard let update = self.state.updates[id] else { return nil }
        let last = self.state.info.lastCompletedTaskStartedEventID
        return switch update.state {
        case .admitted: .sent
        case .accepted: update.acceptedEventID > last ? .justAccepted : .accepted
        case .completed: update.completedEventID > last ? .justCompleted : .completed
        case .unspecified, .UNRECOGNIZED: nil
        }
    }

    private mutating func accept(
        _ acceptance: Temporal_Api_Update_V1_Acceptance, of id: String
    ) throws(CommandFailure) {
        guard acceptance.acceptedRequestSequencingEventID != 0 else {
            throw .badMessage(
                "invalid *update.Acceptance: accepted_request_sequencing_event_id is not set")
        }
        guard !acceptance.acceptedRequestMessageID.isEmpty else {
            throw .badMessage("invalid *update.Acceptance: accepted_request_message_id is not set")
        }
        // The request of an update that was admitted by an event is in that event.
        let request = self.updates[id]?.request
        self.updates.remove(id)
        self.append(
            .workflowExecutionUpdateAccepted,
            .workflowExecutionUpdateAcceptedEventAttributes(
                .with {
                    $0.protocolInstanceID = id
                    $0.acceptedRequestMessageID = requestMessageID(ofUpdate: id)
                    $0.acceptedRequestSequencingEventID =
                        acceptance.acceptedRequestSequencingEventID
                    if let request { $0.acceptedRequest = request }
                })
        ) { if let request { $0.links = request.links } }
    }

    private mutating func complete(
        _ response: Temporal_Api_Update_V1_Response, of id: String
    ) throws(CommandFailure) {
        guard response.hasMeta else {
            throw .badMessage("invalid *update.Response: meta is not set")
        }
        guard !response.meta.updateID.isEmpty else {
            throw .badMessage("invalid *update.Response: meta.update_id is not set")
        }
        guard response.meta.updateID == id else {
            throw .badMessage("invalid *update.Response: meta.update_id != \(id)")
        }
        guard response.hasOutcome else {
            throw .badMessage("invalid *update.Response: outcome is not set")
        }
        self.append(
            .workflowExecutionUpdateCompleted,
            .workflowExecutionUpdateCompletedEventAttributes(
                .with {
                    $0.meta = response.meta
                    $0.acceptedEventID = self.state.updates[id]?.acceptedEventID ?? 0
                    $0.outcome = response.outcome
                }))
        self.updateEnds[id] = .completed(response.outcome)
    }

    private mutating func reject(_ id: String, _ end: UpdateEnd) {
        self.updates.remove(id)
        self.removeAdmittedUpdate(id)
        self.updateEnds[id] = end
    }

    /// Updates that a worker was given and has said nothing of would be given to it for ever.
    mutating func rejectUnprocessedUpdates() {
        for id in self.updates.removeSent() { self.updateEnds[id] = .unprocessed }
        let admitted = self.state.updates.values.filter { $0.state == .admitted }
            .map(\.updateID).sorted()
        for id in admitted { self.reject(id, .unprocessed) }
    }

    /// The run is closed: what is not done will not be done here.
    mutating func endUpdates() {
        let end = self.successor == nil ? UpdateEnd.closedWorkflow : .continuedWorkflow
        for id in self.updates.removeAll() { self.updateEnds[id] = end }
        for update in self.state.updates.values {
            switch update.state {
            case .accepted: self.updateEnds[update.updateID] = .completed(.closedWorkflow)
            case .admitted: self.updateEnds[update.updateID] = .closedWorkflow
            case .completed, .unspecified, .UNRECOGNIZED: break
            }
        }
    }

    private func checkUpdateCount() throws(CommandFailure) {
        if let refusal = self.state.updateCountRefusal(self.updates, self.settings) {
            throw .badMessage(refusal.message)
        }
    }
}

extension MutableState {
    /// Updates of this run that are not done, those in `pending` included.
    func openUpdateCount(_ pending: PendingUpdates) -> Int {
        self.updates.values.reduce(pending.count) { $0 + ($1.state == .completed ? 0 : 1) }
    }

    /// Why a run takes no further update in its life; nil if it does.
    func updateCountRefusal(_ pending: PendingUpdates, _ settings: Settings) -> ServiceError? {
        let countMax = settings.updatesPerExecutionMax
        guard countMax > 0, self.updates.count + pending.count >= countMax else { return nil }
        return ServiceError(
            .failedPrecondition,
            "The limit on the total number of distinct updates in this workflow has been reached (\(countMax)). Make sure any duplicate updates share an Update ID so the server can deduplicate them, and consider rejecting updates that you aren't going to process. You can also Continue-as-New to avoid this; we recommend you check Continue-as-New Suggested in your Workflow."
        )
    }

    /// Why a run takes no further update now; nil if it does.
    func updateRefusal(
        _ request: UpdateRequest, _ pending: PendingUpdates, _ settings: Settings
    ) -> ServiceError? {
        let countMax = settings.updatesInFlightMax
        if countMax > 0, self.openUpdateCount(pending) >= countMax {
            return .updatesInFlight(
                "limit on number of concurrent in-flight updates has been reached (\(countMax))")
        }
        if let refusal = self.updateCountRefusal(pending, settings) { return refusal }
        let sizeMax = settings.updatesInFlightSizeMax
        if sizeMax > 0, pending.bytes + size(of: request) >= sizeMax {
            return .updatesInFlight(
                "limit on total payload size of in-flight updates has been reached (\(sizeMax) bytes)"
            )
        }
        return nil
    }
}

extension ServiceError {
    fileprivate static func updatesInFlight(_ message: String) -> ServiceError {
        ServiceError(.resourceExhausted(cause: .concurrentLimit, scope: .namespace), message)
    }
}
