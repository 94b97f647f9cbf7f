import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

/// What a worker knows of one run, kept between its tasks as SDKs keep it.
struct WorkflowState {
    private let program: Program
    private var begunCount = 0
    private var doneCount = 0
    private var updateCount = 0

    /// Begins from a run's first event; nil if it is no workflow of this load.
    init?(_ event: HistoryEvent) {
        guard case .workflowExecutionStartedEventAttributes(let started) = event.attributes,
            let program = Program(name: started.workflowType.name, input: started.input)
        else { return nil }
        self.program = program
    }

    /// The answer to queries.
    var answer: Payloads { Payloads(json: "\(self.doneCount + self.updateCount)") }

    /// Takes in the events of a task.
    mutating func apply(_ events: [HistoryEvent]) {
        for event in events {
            switch event.eventType {
            case .activityTaskScheduled, .timerStarted: self.begunCount += 1
            case .activityTaskCompleted, .timerFired, .workflowExecutionSignaled:
                self.doneCount += 1
            case .workflowExecutionUpdateCompleted: self.updateCount += 1
            default: break
            }
        }
    }

    /// What the workflow does next.
    func commands(on taskQueue: String) -> [Command] {
        switch self.program {
        case .chain(let activities):
            if self.doneCount == activities { return [.complete] }
            return self.begunCount == self.doneCount
                ? [.activity(self.begunCount, on: taskQueue)] : []
        case .fanout(let activities):
            if self.doneCount == activities { return [.complete] }
            return (self.begunCount..<activities).map { .activity($0, on: taskQueue) }
        case .signals(let count):
            return self.doneCount >= count ? [.complete] : []
        case .timers(let count, let duration):
            if self.doneCount == count { return [.complete] }
            return (self.begunCount..<count).map { .timer($0, after: duration) }
        case .waiter:
            return []
        }
    }
}

extension Command {
    static var complete: Command {
        .with {
            $0.commandType = .completeWorkflowExecution
            $0.completeWorkflowExecutionCommandAttributes.result = Payloads(json: "\"done\"")
        }
    }

    static func activity(_ number: Int, on taskQueue: String) -> Command {
        .with {
            $0.commandType = .scheduleActivityTask
            $0.scheduleActivityTaskCommandAttributes = .with {
                $0.activityID = "\(number)"
                $0.activityType.name = "nothing"
                $0.taskQueue.name = taskQueue
                $0.input = Payloads(json: "\(number)")
                $0.startToCloseTimeout.seconds = 60
            }
        }
    }

    static func timer(_ number: Int, after duration: Duration) -> Command {
        .with {
            $0.commandType = .startTimer
            $0.startTimerCommandAttributes.timerID = "\(number)"
            $0.startTimerCommandAttributes.startToFireTimeout = .init(
                seconds: duration.milliseconds / 1_000,
                nanos: Int32(duration.milliseconds % 1_000) * 1_000_000)
        }
    }
}
