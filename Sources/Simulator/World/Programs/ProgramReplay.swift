import FoundationEssentials
import Primitives
import SwiftProtobuf
import TemporalAPI

/// Decides what a program does next, from the events of its run alone.
package struct ProgramReplay {
    private enum ActivityState {
        case pending
        case ended(String)
    }

    private let program: WorkflowProgram
    private let input: ProgramInput
    private let taskQueue: String
    /// Activities by their id; those that were never scheduled are absent.
    private var activities: [String: ActivityState] = [:]
    private var activityIDs: [Int64: String] = [:]
    private var startedTimers: Set<String> = []
    private var firedTimers: Set<String> = []
    /// Every signal of the chain so far.
    package private(set) var signals: Set<String>

    /// - Returns: nil if the events do not begin with the start of a program.
    package init?(events: [HistoryEvent]) {
        guard case .workflowExecutionStartedEventAttributes(let start) = events.first?.attributes,
            let input = ProgramInput(text: start.input.text)
        else { return nil }
        self.input = input
        self.program = WorkflowProgram(seed: input.seed)
        guard self.program.parts.indices.contains(input.part) else { return nil }
        self.taskQueue = start.taskQueue.name
        self.signals = input.signals
        for event in events { self.apply(event) }
    }

    private mutating func apply(_ event: HistoryEvent) {
        switch event.attributes {
        case .activityTaskScheduledEventAttributes(let scheduled):
            self.activities[scheduled.activityID] = .pending
            self.activityIDs[event.eventID] = scheduled.activityID
        case .activityTaskCompletedEventAttributes(let completed):
            self.end(completed.scheduledEventID, completed.result.text)
        case .activityTaskFailedEventAttributes(let failed):
            let isRefused = failed.failure.applicationFailureInfo.nonRetryable
            self.end(failed.scheduledEventID, isRefused ? "refused" : "exhausted")
        case .activityTaskTimedOutEventAttributes(let timedOut):
            self.end(timedOut.scheduledEventID, "exhausted")
        case .timerStartedEventAttributes(let started): self.startedTimers.insert(started.timerID)
        case .timerFiredEventAttributes(let fired): self.firedTimers.insert(fired.timerID)
        case .workflowExecutionSignaledEventAttributes(let signaled):
            self.signals.insert(signaled.input.text)
        default: break
        }
    }

    private mutating func end(_ scheduledEventID: Int64, _ outcome: String) {
        guard let id = self.activityIDs[scheduledEventID] else { return }
        self.activities[id] = .ended(outcome)
    }

    /// The commands that answer a workflow task with these events.
    package func commands() -> [Command] {
        var commands: [Command] = []
        var outcomes = self.input.outcomes
        for (index, step) in self.program.parts[self.input.part].enumerated() {
            let id = "\(self.input.part).\(index)"
            let isOver =
                switch step {
                case .activity(let script):
                    self.isOver(script, id, &outcomes, &commands)
                case .timer(let duration):
                    self.isOver(duration, id, &commands)
                case .both(let script, let duration):
                    // Both are looked at, so that both begin.
                    [
                        self.isOver(script, id, &outcomes, &commands),
                        self.isOver(duration, id, &commands),
                    ].allSatisfy { $0 }
                case .signals(let count):
                    self.signals.count >= count
                }
            guard isOver else { return commands }
        }
        return commands + [self.lastCommand(outcomes)]
    }

    private func isOver(
        _ script: ActivityScript, _ id: String, _ outcomes: inout [String],
        _ commands: inout [Command]
    ) -> Bool {
        switch self.activities["activity \(id)"] {
        case .ended(let outcome):
            outcomes.append(outcome)
            return true
        case .pending:
            return false
        case nil:
            commands.append(self.schedule(script, "activity \(id)"))
            return false
        }
    }

    private func isOver(_ duration: Duration, _ id: String, _ commands: inout [Command]) -> Bool {
        let timerID = "timer \(id)"
        if !self.startedTimers.contains(timerID) {
            commands.append(
                .with {
                    $0.commandType = .startTimer
                    $0.startTimerCommandAttributes.timerID = timerID
                    $0.startTimerCommandAttributes.startToFireTimeout = duration.proto
                })
        }
        return self.firedTimers.contains(timerID)
    }

    private func schedule(_ script: ActivityScript, _ id: String) -> Command {
        .with {
            $0.commandType = .scheduleActivityTask
            $0.scheduleActivityTaskCommandAttributes = .with {
                $0.activityID = id
                $0.activityType.name = "script"
                $0.taskQueue.name = self.taskQueue
                $0.input = Payloads(text: script.text)
                $0.startToCloseTimeout = WorkflowProgram.startToCloseTimeout.proto
                if let timeout = script.heartbeatTimeout { $0.heartbeatTimeout = timeout.proto }
                $0.retryPolicy = .with {
                    $0.initialInterval = WorkflowProgram.retryIntervalInitial.proto
                    $0.maximumInterval = WorkflowProgram.retryIntervalMax.proto
                    $0.backoffCoefficient = 2
                    $0.maximumAttempts = script.attemptsMax
                }
            }
        }
    }

    private func lastCommand(_ outcomes: [String]) -> Command {
        guard self.input.part + 1 < self.program.parts.count else {
            let result = WorkflowProgram.result(outcomes: outcomes, signals: self.signals)
            return .with {
                $0.commandType = .completeWorkflowExecution
                $0.completeWorkflowExecutionCommandAttributes.result = Payloads(text: result)
            }
        }
        let next = ProgramInput(
            seed: self.input.seed, part: self.input.part + 1, outcomes: outcomes,
            signals: self.signals)
        return .with {
            $0.commandType = .continueAsNewWorkflowExecution
            $0.continueAsNewWorkflowExecutionCommandAttributes = .with {
                $0.workflowType.name = "program"
                $0.taskQueue.name = self.taskQueue
                $0.input = Payloads(text: next.text)
            }
        }
    }
}
