import Primitives
import SwiftProtobuf
import TemporalAPI

/// A workflow that takes updates until a signal ends it; another signal makes it continue as new.
struct UpdatableReplay: WorkflowReplay {
    private struct Update {
        let script: UpdateScript
        var isAccepted = false
        var isCompleted = false
    }

    private let taskQueue: String
    private var updates: [String: Update] = [:]
    private var timers: [String: ProgramReplay.Timer] = [:]
    private var signalCount = 0
    private var end: String?
    private var isToContinue = false
    private var isCancelRequested = false

    init?(events: [HistoryEvent]) {
        guard let start = events.first?.start else { return nil }
        self.taskQueue = start.taskQueue.name
        for event in events { self.apply(event) }
    }

    var queryAnswer: String { "\(self.signalCount)" }

    private mutating func apply(_ event: HistoryEvent) {
        switch event.attributes {
        case .workflowExecutionUpdateAdmittedEventAttributes(let admitted):
            self.learn(admitted.request)
        case .workflowExecutionUpdateAcceptedEventAttributes(let accepted):
            if accepted.hasAcceptedRequest { self.learn(accepted.acceptedRequest) }
            self.updates[accepted.protocolInstanceID]?.isAccepted = true
        case .workflowExecutionUpdateCompletedEventAttributes(let completed):
            self.updates[completed.meta.updateID]?.isCompleted = true
        case .timerStartedEventAttributes(let started): self.timers[started.timerID] = .started
        case .timerFiredEventAttributes(let fired): self.timers[fired.timerID] = .over
        case .workflowExecutionSignaledEventAttributes(let signaled):
            self.signalCount += 1
            switch signaled.signalName {
            case "end": self.end = self.end ?? signaled.input.text
            case "continue": self.isToContinue = true
            default: break
            }
        case .workflowExecutionCancelRequestedEventAttributes: self.isCancelRequested = true
        default: break
        }
    }

    private mutating func learn(_ request: Temporal_Api_Update_V1_Request) {
        guard let script = UpdateScript(text: request.input.name) else { return }
        self.updates[request.meta.updateID] = Update(script: script)
    }

    func commands() -> [Command] { self.answer(to: []).commands }

    func answer(to messages: [ProtocolMessage]) -> WorkflowTaskAnswer {
        var answer = WorkflowTaskAnswer()
        var updates = self.updates
        for message in messages {
            guard
                let request = try? Temporal_Api_Update_V1_Request(unpackingAny: message.body),
                let script = UpdateScript(text: request.input.name)
            else { continue }
            updates[request.meta.updateID] = Update(script: script, isAccepted: script.isAccepted)
            switch script {
            case .rejects: answer.reject(request, message)
            case .completes, .completesLater, .fails: answer.accept(request, message)
            case .isIgnored: break
            }
        }
        var isBusy = false
        for (id, update) in updates.sorted(by: { $0.key < $1.key })
        where update.isAccepted && !update.isCompleted {
            guard let delay = self.delay(of: update, id) else {
                answer.complete(id, update.script.result(of: id))
                continue
            }
            isBusy = true
            if self.timers[id] == nil { answer.commands.append(delay) }
        }
        answer.commands += self.lastCommands(isBusy: isBusy)
        return answer
    }

    /// The timer that an accepted update waits for; nil if it waits no more.
    private func delay(of update: Update, _ id: String) -> Command? {
        guard case .completesLater(let milliseconds) = update.script, self.timers[id] != .over
        else { return nil }
        return .with {
            $0.commandType = .startTimer
            $0.startTimerCommandAttributes.timerID = id
            $0.startTimerCommandAttributes.startToFireTimeout =
                Duration.milliseconds(milliseconds).proto
        }
    }

    private func lastCommands(isBusy: Bool) -> [Command] {
        if let end = self.end { return [.completeWorkflow(end)] }
        if self.isCancelRequested { return [.cancelWorkflow()] }
        guard self.isToContinue, !isBusy else { return [] }
        return [
            .with {
                $0.commandType = .continueAsNewWorkflowExecution
                $0.continueAsNewWorkflowExecutionCommandAttributes = .with {
                    $0.workflowType.name = "updatable"
                    $0.taskQueue.name = self.taskQueue
                }
            }
        ]
    }
}

/// What a worker answers a workflow task with.
package struct WorkflowTaskAnswer {
    package var commands: [Command] = []
    package var messages: [ProtocolMessage] = []
    /// How the refusal begins that this must get; nil if it is to be carried out.
    package var refusal: String?

    fileprivate mutating func accept(
        _ request: Temporal_Api_Update_V1_Request, _ message: ProtocolMessage
    ) {
        self.send(
            "accept", request.meta.updateID,
            Temporal_Api_Update_V1_Acceptance.with {
                $0.acceptedRequestMessageID = message.id
                $0.acceptedRequestSequencingEventID = message.eventID
                $0.acceptedRequest = request
            })
    }

    fileprivate mutating func complete(_ id: String, _ result: UpdateResult) {
        self.send(
            "complete", id,
            Temporal_Api_Update_V1_Response.with {
                $0.meta.updateID = id
                $0.outcome = result.outcome
            })
    }

    /// No command goes with a rejection: it leaves nothing in history that could have an order.
    fileprivate mutating func reject(
        _ request: Temporal_Api_Update_V1_Request, _ message: ProtocolMessage
    ) {
        let id = request.meta.updateID
        let rejection = Temporal_Api_Update_V1_Rejection.with {
            $0.rejectedRequestMessageID = message.id
            $0.rejectedRequestSequencingEventID = message.eventID
            $0.rejectedRequest = request
            $0.failure = UpdateScript.rejects.result(of: id).outcome.failure
        }
        self.messages.append(Self.message("reject", id, rejection))
    }

    private mutating func send(_ what: String, _ id: String, _ body: some SwiftProtobuf.Message) {
        let message = Self.message(what, id, body)
        self.messages.append(message)
        self.commands.append(
            .with {
                $0.commandType = .protocolMessage
                $0.protocolMessageCommandAttributes.messageID = message.id
            })
    }

    private static func message(
        _ what: String, _ id: String, _ body: some SwiftProtobuf.Message
    ) -> ProtocolMessage {
        .with {
            $0.id = "\(id)/\(what)"
            $0.protocolInstanceID = id
            // Fails only for required fields, which no message of the API has.
            if let body = try? Google_Protobuf_Any(message: body) { $0.body = body }
        }
    }
}
