import Primitives
import SwiftProtobuf
import TemporalAPI

/// Decides what a child does that ends by itself; it heeds a cancel request, as a policy may bring it.
struct ChildReplay: WorkflowReplay {
    private let script: ChildScript
    private let attempt: Int
    private let taskQueue: String
    private var timer: ProgramReplay.Timer?
    private var isCancelRequested = false

    init?(events: [HistoryEvent]) {
        guard let start = events.first?.start, let script = ChildScript(text: start.input.text)
        else { return nil }
        self.script = script
        self.attempt = Int(start.attempt)
        self.taskQueue = start.taskQueue.name
        for event in events {
            switch event.attributes {
            case .timerStartedEventAttributes: self.timer = .started
            case .timerFiredEventAttributes: self.timer = .over
            case .workflowExecutionCancelRequestedEventAttributes: self.isCancelRequested = true
            default: break
            }
        }
    }

    var queryAnswer: String { self.script.text }

    func commands() -> [Command] {
        guard !self.isCancelRequested else { return [.cancelWorkflow()] }
        switch self.script {
        case .completes(let duration): return self.after(duration, .completeWorkflow("done"))
        case .fails(let duration): return self.after(duration, .failWorkflow("fail"))
        case .continues(let runs):
            return [runs == 0 ? .completeWorkflow("done") : self.continueAsNew(runs - 1)]
        case .isRetried(let failures):
            return [
                self.attempt > failures ? .completeWorkflow("done") : .failWorkflow("again")
            ]
        case .timesOut, .isSignaled, .isCanceled, .isTerminated, .isLeft, .exists: return []
        }
    }

    private func after(_ duration: Duration, _ command: Command) -> [Command] {
        switch self.timer {
        case .over: return [command]
        case .started: return []
        case nil:
            return [
                .with {
                    $0.commandType = .startTimer
                    $0.startTimerCommandAttributes.timerID = "delay"
                    $0.startTimerCommandAttributes.startToFireTimeout = duration.proto
                }
            ]
        }
    }

    private func continueAsNew(_ runs: Int) -> Command {
        .with {
            $0.commandType = .continueAsNewWorkflowExecution
            $0.continueAsNewWorkflowExecutionCommandAttributes = .with {
                $0.workflowType.name = "child"
                $0.taskQueue.name = self.taskQueue
                $0.input = Payloads(text: ChildScript.continues(runs: runs).text)
            }
        }
    }
}

// Commands that end a run.
extension Command {
    static func completeWorkflow(_ result: String) -> Command {
        .with {
            $0.commandType = .completeWorkflowExecution
            $0.completeWorkflowExecutionCommandAttributes.result = Payloads(text: result)
        }
    }

    static func failWorkflow(_ message: String) -> Command {
        .with {
            $0.commandType = .failWorkflowExecution
            $0.failWorkflowExecutionCommandAttributes.failure.message = message
            $0.failWorkflowExecutionCommandAttributes.failure.applicationFailureInfo.type =
                "Scripted"
        }
    }

    static func cancelWorkflow() -> Command {
        .with {
            $0.commandType = .cancelWorkflowExecution
            $0.cancelWorkflowExecutionCommandAttributes = .init()
        }
    }
}
