import FoundationEssentials
import Primitives
import SwiftProtobuf
import TemporalAPI

/// Decides what a program does next, from the events of its run alone.
package struct ProgramReplay: WorkflowReplay {
    struct Activity {
        let scheduledEventID: Int64
        /// How it ended; nil while it is pending.
        var end: String?
        var isCancelRequested = false
    }

    enum Timer { case started, over }

    let program: WorkflowProgram
    let input: ProgramInput
    let taskQueue: String
    /// Which attempt of the workflow this run is.
    private let attempt: Int
    /// By their ids; those that were never scheduled are absent.
    private(set) var activities: [String: Activity] = [:]
    private(set) var timers: [String: Timer] = [:]
    private(set) var markers: Set<String> = []
    private(set) var attributes: [String] = []
    private(set) var memos: [String] = []
    /// Every signal of the chain so far.
    package private(set) var signals: Set<String>
    private var isCancelRequested: Bool

    /// - Returns: nil if the events do not begin with the start of a program.
    package init?(events: [HistoryEvent]) {
        guard let start = events.first?.start, let input = ProgramInput(text: start.input.text)
        else { return nil }
        self.input = input
        self.program = WorkflowProgram(seed: input.seed)
        guard self.program.parts.indices.contains(input.part) else { return nil }
        self.taskQueue = start.taskQueue.name
        self.attempt = Int(start.attempt)
        self.signals = input.signals
        self.isCancelRequested = input.isCancelRequested
        for event in events { self.apply(event) }
    }

    var queryAnswer: String { "\(self.signals.count)" }

    private mutating func apply(_ event: HistoryEvent) {
        switch event.attributes {
        case .timerStartedEventAttributes(let started): self.timers[started.timerID] = .started
        case .timerFiredEventAttributes(let fired): self.timers[fired.timerID] = .over
        case .timerCanceledEventAttributes(let canceled): self.timers[canceled.timerID] = .over
        case .markerRecordedEventAttributes(let marker): self.markers.insert(marker.markerName)
        case .upsertWorkflowSearchAttributesEventAttributes(let upsert):
            self.attributes += upsert.searchAttributes.indexedFields.values.map(\.jsonText)
        case .workflowPropertiesModifiedEventAttributes(let modified):
            self.memos += modified.upsertedMemo.fields.values.map(\.jsonText)
        case .workflowExecutionSignaledEventAttributes(let signaled):
            self.signals.insert(signaled.input.text)
        case .workflowExecutionCancelRequestedEventAttributes: self.isCancelRequested = true
        default: self.applyToActivity(event)
        }
    }

    private mutating func applyToActivity(_ event: HistoryEvent) {
        switch event.attributes {
        case .activityTaskScheduledEventAttributes(let scheduled):
            self.activities[scheduled.activityID] = Activity(scheduledEventID: event.eventID)
        case .activityTaskCancelRequestedEventAttributes(let requested):
            self.change(requested.scheduledEventID) { $0.isCancelRequested = true }
        default:
            guard let end = event.activityEnd else { return }
            self.change(end.scheduledEventID) { $0.end = end.outcome }
        }
    }

    private mutating func change(_ scheduledEventID: Int64, _ body: (inout Activity) -> Void) {
        for (id, activity) in self.activities where activity.scheduledEventID == scheduledEventID {
            var activity = activity
            body(&activity)
            self.activities[id] = activity
        }
    }

    /// The commands that answer a workflow task with these events.
    package func commands() -> [Command] {
        var commands: [Command] = []
        var outcomes = self.input.outcomes
        for (index, step) in self.program.parts[self.input.part].enumerated() {
            let id = "\(self.input.part).\(index)"
            guard self.isOver(step, id, &outcomes, &commands) else { return commands }
        }
        return commands + self.lastCommands(outcomes)
    }

    // The end of a part.

    private func lastCommands(_ outcomes: [String]) -> [Command] {
        guard self.input.part + 1 == self.program.parts.count else {
            return [self.continueAsNew(outcomes)]
        }
        let result = WorkflowProgram.result(outcomes: outcomes, signals: self.signals)
        switch self.program.ending {
        case .completes: return [self.complete(result)]
        case .fails, .exhausts: return [self.fail(result)]
        case .succeeds(let failures):
            return [self.attempt > failures ? self.complete(result) : self.fail(result)]
        case .isTerminated, .timesOut: return self.leaveOpen()
        case .isCanceled(let tidiesUp):
            guard self.isCancelRequested else { return self.leaveOpen() }
            return (tidiesUp ? self.tidyUp() : []) + [
                .with {
                    $0.commandType = .cancelWorkflowExecution
                    $0.cancelWorkflowExecutionCommandAttributes.details = Payloads(text: result)
                }
            ]
        }
    }

    /// What is still pending when the run ends.
    private func leaveOpen() -> [Command] {
        var commands: [Command] = []
        if self.activities["left open"] == nil {
            commands.append(self.schedule(.isUnclaimed(seconds: 30 * 86_400), "left open"))
        }
        if self.timers["left open"] == nil {
            commands.append(self.startTimer("left open", .seconds(30 * 86_400)))
        }
        return commands
    }

    /// As SDKs do: what is open is cancelled in the task that ends the run.
    private func tidyUp() -> [Command] {
        var commands: [Command] = []
        if let activity = self.activities["left open"], activity.end == nil,
            !activity.isCancelRequested
        {
            commands.append(self.requestCancel(activity))
        }
        if self.timers["left open"] == .started { commands.append(self.cancelTimer("left open")) }
        return commands
    }

    private func complete(_ result: String) -> Command {
        .with {
            $0.commandType = .completeWorkflowExecution
            $0.completeWorkflowExecutionCommandAttributes.result = Payloads(text: result)
        }
    }

    private func fail(_ message: String) -> Command {
        .with {
            $0.commandType = .failWorkflowExecution
            $0.failWorkflowExecutionCommandAttributes.failure.message = message
            $0.failWorkflowExecutionCommandAttributes.failure.applicationFailureInfo.type =
                "Scripted"
        }
    }

    private func continueAsNew(_ outcomes: [String]) -> Command {
        let next = ProgramInput(
            seed: self.input.seed, part: self.input.part + 1, outcomes: outcomes,
            signals: self.signals, isCancelRequested: self.isCancelRequested)
        return .with {
            $0.commandType = .continueAsNewWorkflowExecution
            $0.continueAsNewWorkflowExecutionCommandAttributes = .with {
                $0.workflowType.name = "program"
                $0.taskQueue.name = self.taskQueue
                $0.input = Payloads(text: next.text)
                if let policy = self.program.retryPolicy { $0.retryPolicy = policy }
            }
        }
    }
}

extension WorkflowProgram {
    /// How it is tried again; nil if it is not.
    package var retryPolicy: Temporal_Api_Common_V1_RetryPolicy? {
        self.ending.attemptsMax.map { attempts in
            .with {
                $0.initialInterval = Duration.milliseconds(500).proto
                $0.backoffCoefficient = 1
                $0.maximumAttempts = Int32(attempts)
            }
        }
    }
}
