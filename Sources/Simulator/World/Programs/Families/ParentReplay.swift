import Primitives
import SwiftProtobuf
import TemporalAPI

/// Decides what a parent does next, from the events of its run alone.
package struct ParentReplay: WorkflowReplay {
    struct Child {
        let initiatedEventID: Int64
        /// The first run of its chain; nil while it is not started.
        var runID: String?
        /// How it ended, or that it was refused; nil while it goes on.
        var end: String?
    }

    /// A signal or a cancel request.
    struct Request {
        let initiatedEventID: Int64
        var isDelivered: Bool?
    }

    let plan: FamilyPlan
    let input: FamilyInput
    private let taskQueue: String
    /// By workflow id, in the order they were asked for.
    private(set) var children: [String: [Child]] = [:]
    /// By whom they are for and what they say.
    private(set) var requests: [String: Request] = [:]
    private var isCancelRequested = false

    package init?(events: [HistoryEvent]) {
        guard let start = events.first?.start, let input = FamilyInput(text: start.input.text)
        else { return nil }
        self.input = input
        self.plan = FamilyPlan(seed: input.seed)
        self.taskQueue = start.taskQueue.name
        for event in events { self.apply(event) }
    }

    var queryAnswer: String { "\(self.children.count)" }

    // Events.

    private mutating func apply(_ event: HistoryEvent) {
        switch event.attributes {
        case .workflowExecutionCancelRequestedEventAttributes: self.isCancelRequested = true
        case .startChildWorkflowExecutionInitiatedEventAttributes(let initiated):
            self.children[initiated.workflowID, default: []].append(
                Child(initiatedEventID: event.eventID))
        case .startChildWorkflowExecutionFailedEventAttributes(let failed):
            self.change(failed.initiatedEventID) { $0.end = "refused" }
        case .childWorkflowExecutionStartedEventAttributes(let started):
            self.change(started.initiatedEventID) { $0.runID = started.workflowExecution.runID }
        default:
            if let end = ChildEndSeen(event) {
                self.change(end.initiatedEventID) { $0.end = end.text }
            } else {
                self.applyToRequest(event)
            }
        }
    }

    private mutating func applyToRequest(_ event: HistoryEvent) {
        switch event.attributes {
        case .signalExternalWorkflowExecutionInitiatedEventAttributes(let initiated):
            let key = Self.key(initiated.input.text, initiated.workflowExecution.workflowID)
            self.requests[key] = Request(initiatedEventID: event.eventID)
        case .requestCancelExternalWorkflowExecutionInitiatedEventAttributes(let initiated):
            let key = Self.key(initiated.reason, initiated.workflowExecution.workflowID)
            self.requests[key] = Request(initiatedEventID: event.eventID)
        case .externalWorkflowExecutionSignaledEventAttributes(let signaled):
            self.answer(signaled.initiatedEventID, true)
        case .signalExternalWorkflowExecutionFailedEventAttributes(let failed):
            self.answer(failed.initiatedEventID, false)
        case .externalWorkflowExecutionCancelRequestedEventAttributes(let requested):
            self.answer(requested.initiatedEventID, true)
        case .requestCancelExternalWorkflowExecutionFailedEventAttributes(let failed):
            self.answer(failed.initiatedEventID, false)
        default: break
        }
    }

    private mutating func change(_ initiatedEventID: Int64, _ body: (inout Child) -> Void) {
        for (id, children) in self.children {
            for (index, child) in children.enumerated()
            where child.initiatedEventID == initiatedEventID {
                var child = child
                body(&child)
                self.children[id]?[index] = child
            }
        }
    }

    private mutating func answer(_ initiatedEventID: Int64, _ isDelivered: Bool) {
        for (key, request) in self.requests where request.initiatedEventID == initiatedEventID {
            self.requests[key]?.isDelivered = isDelivered
        }
    }

    private static func key(_ text: String, _ targetID: String) -> String {
        "\(text) · \(targetID)"
    }

    /// The request that says `text` to a workflow; nil if it was not made.
    func request(_ text: String, to targetID: String) -> Request? {
        self.requests[Self.key(text, targetID)]
    }

    // Commands.

    /// How far a strand has come.
    enum Progress: Equatable {
        case notBegun
        case goesOn
        case over(String)
    }

    /// The commands that answer a workflow task with these events.
    package func commands() -> [Command] {
        if let outcomes = self.input.outcomes { return self.lastCommands(outcomes) }
        if self.isCancelRequested, self.plan.ending == .isCanceled { return [.cancelWorkflow()] }
        var commands: [Command] = []
        var progress: [Progress] = []
        for (index, strand) in self.plan.strands.enumerated() {
            progress.append(self.progress(of: strand, index, &commands))
        }
        switch self.plan.patience {
        case .all:
            let outcomes = progress.compactMap { progress -> String? in
                guard case .over(let outcome) = progress else { return nil }
                return outcome
            }
            guard outcomes.count == progress.count else { return commands }
            return commands + self.lastCommands(outcomes.joined(separator: "; "))
        case .begun:
            guard !progress.contains(.notBegun) else { return commands }
            return commands + self.lastCommands("early")
        case .none:
            return commands + self.lastCommands("early")
        }
    }

    private func lastCommands(_ outcomes: String) -> [Command] {
        switch self.plan.ending {
        case .completes: return [.completeWorkflow(outcomes)]
        case .fails: return [.failWorkflow(outcomes)]
        case .isCanceled, .isTerminated, .timesOut: return []
        case .continues:
            guard self.input.outcomes == nil else { return [.completeWorkflow(outcomes)] }
            let next = FamilyInput(
                seed: self.input.seed, parentID: self.input.parentID, outcomes: outcomes)
            return [
                .with {
                    $0.commandType = .continueAsNewWorkflowExecution
                    $0.continueAsNewWorkflowExecutionCommandAttributes = .with {
                        $0.workflowType.name = "parent"
                        $0.taskQueue.name = self.taskQueue
                        $0.input = Payloads(text: next.text)
                    }
                }
            ]
        }
    }
}

/// How a child ended, as an event of its parent tells.
package struct ChildEndSeen: Equatable, Sendable {
    package let initiatedEventID: Int64
    package let startedEventID: Int64
    package let child: WorkflowExecution
    package let end: ProgramEnd

    /// Nil if the event tells of no child's end.
    package init?(_ event: HistoryEvent) {
        switch event.attributes {
        case .childWorkflowExecutionCompletedEventAttributes(let end):
            self.init(
                end.initiatedEventID, end.startedEventID, end.workflowExecution,
                ProgramEnd(.completed, end.result.text))
        case .childWorkflowExecutionFailedEventAttributes(let end):
            self.init(
                end.initiatedEventID, end.startedEventID, end.workflowExecution,
                ProgramEnd(.failed, end.failure.message))
        case .childWorkflowExecutionCanceledEventAttributes(let end):
            self.init(
                end.initiatedEventID, end.startedEventID, end.workflowExecution,
                ProgramEnd(.canceled, end.details.text))
        case .childWorkflowExecutionTimedOutEventAttributes(let end):
            self.init(
                end.initiatedEventID, end.startedEventID, end.workflowExecution,
                ProgramEnd(.timedOut, ""))
        case .childWorkflowExecutionTerminatedEventAttributes(let end):
            self.init(
                end.initiatedEventID, end.startedEventID, end.workflowExecution,
                ProgramEnd(.terminated, ""))
        default:
            return nil
        }
    }

    private init(
        _ initiatedEventID: Int64, _ startedEventID: Int64, _ child: WorkflowExecution,
        _ end: ProgramEnd
    ) {
        self.initiatedEventID = initiatedEventID
        self.startedEventID = startedEventID
        self.child = child
        self.end = end
    }

    /// As a parent's outcomes name it.
    var text: String {
        switch self.end.status {
        case .timedOut: "timed out"
        case .completed, .failed: "\(self.end)"
        default: "\(self.end.status)"
        }
    }
}
