import Primitives
import SimulatedWorld
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ProgramTests {
    /// The first seed whose program satisfies `isWanted`.
    private func program(where isWanted: (WorkflowProgram) -> Bool) throws -> WorkflowProgram {
        let found = (0..<10_000).lazy.map { WorkflowProgram(seed: $0) }.first(where: isWanted)
        return try #require(found)
    }

    private func start(_ input: ProgramInput) -> HistoryEvent {
        .with {
            $0.eventID = 1
            $0.workflowExecutionStartedEventAttributes.input = Payloads(text: input.text)
            $0.workflowExecutionStartedEventAttributes.taskQueue.name = "queue"
        }
    }

    @Test("A seed makes one program")
    func seedMakesOneProgram() {
        #expect(WorkflowProgram(seed: 5) == WorkflowProgram(seed: 5))
        #expect(Set((0..<50).map { WorkflowProgram(seed: $0).result }).count > 25)
    }

    @Test("An activity's script survives its trip as an input")
    func scriptsRoundTrip() {
        let scripts: [ActivityScript] = [
            .succeeds(afterFailures: 2), .exhausts(attempts: 3), .refuses, .stalls(attempts: 1),
            .progresses(steps: 4), .overruns(seconds: 5), .isUnclaimed(seconds: 6), .heedsCancel,
            .ignoresCancel(seconds: 7), .backsOff(seconds: 8), .isMoved,
        ]
        for script in scripts { #expect(ActivityScript(text: script.text) == script) }
        #expect(ActivityScript(text: "dances 3") == nil)
    }

    @Test("A run's input survives its trip")
    func inputsRoundTrip() {
        let input = ProgramInput(
            seed: .max, part: 2, outcomes: ["succeeded", "progressed 3"],
            signals: ["signal-1", "signal-0"], isCancelRequested: true)
        #expect(ProgramInput(text: input.text) == input)
        #expect(ProgramInput(text: "") == nil)
    }

    @Test("A step's commands come once, and the next step waits for it")
    func stepsComeInOrder() throws {
        let program = try self.program {
            guard case .both = $0.parts[0].first else { return false }
            return true
        }
        let first = self.start(ProgramInput(seed: program.seed))
        let replay = try #require(ProgramReplay(events: [first]))
        #expect(replay.commands().map(\.commandType) == [.scheduleActivityTask, .startTimer])

        let scheduled = HistoryEvent.with {
            $0.eventID = 5
            $0.activityTaskScheduledEventAttributes.activityID = "activity 0.0"
        }
        let started = HistoryEvent.with {
            $0.eventID = 6
            $0.timerStartedEventAttributes.timerID = "timer 0.0"
        }
        let waiting = try #require(ProgramReplay(events: [first, scheduled, started]))
        #expect(waiting.commands().isEmpty)
    }

    @Test("A chain's parts hand on what they have seen")
    func partsHandOn() throws {
        let program = try self.program {
            $0.parts.count > 1 && $0.parts[0] == [.signals(1)] && $0.signalCount > 1
        }
        let signal = HistoryEvent.with {
            $0.eventID = 2
            $0.workflowExecutionSignaledEventAttributes.input = Payloads(text: "signal-1")
        }
        let replay = try #require(
            ProgramReplay(events: [self.start(ProgramInput(seed: program.seed)), signal]))
        let command = try #require(replay.commands().first)
        #expect(command.commandType == .continueAsNewWorkflowExecution)
        let next = ProgramInput(
            text: command.continueAsNewWorkflowExecutionCommandAttributes.input.text)
        #expect(next == ProgramInput(seed: program.seed, part: 1, signals: ["signal-1"]))
    }

    @Test("A program that is over ends with the result its seed foretold")
    func resultIsForetold() throws {
        let program = try self.program {
            $0.parts == [[.signals(0), .signals(0)]] && $0.ending == .completes
        }
        let replay = try #require(
            ProgramReplay(events: [self.start(ProgramInput(seed: program.seed))]))
        let command = try #require(replay.commands().first)
        #expect(command.commandType == .completeWorkflowExecution)
        #expect(
            command.completeWorkflowExecutionCommandAttributes.result.text == program.result)
    }

    @Test("A program that waits for its end leaves something open until then")
    func waitingLeavesOpen() throws {
        let program = try self.program {
            $0.parts.count == 1 && $0.signalCount == 0
                && $0.parts[0].allSatisfy { $0 == .signals(0) }
                && $0.ending == .isCanceled(tidiesUp: false)
        }
        let start = self.start(ProgramInput(seed: program.seed))
        let waiting = try #require(ProgramReplay(events: [start]))
        #expect(waiting.commands().map(\.commandType) == [.scheduleActivityTask, .startTimer])

        let request = HistoryEvent.with {
            $0.eventID = 5
            $0.workflowExecutionCancelRequestedEventAttributes = .init()
        }
        let asked = try #require(ProgramReplay(events: [start, request]))
        #expect(asked.commands().map(\.commandType) == [.cancelWorkflowExecution])
    }

    @Test("A workflow that is tried again succeeds with its last attempt", arguments: [1, 2, 3])
    func attemptsAreCounted(attempt: Int) throws {
        let program = try self.program {
            $0.parts.count == 1 && $0.ending == .succeeds(afterFailures: 2)
                && $0.parts[0].allSatisfy { $0 == .signals(0) }
        }
        var start = self.start(ProgramInput(seed: program.seed))
        start.workflowExecutionStartedEventAttributes.attempt = Int32(attempt)
        let replay = try #require(ProgramReplay(events: [start]))
        let expected: Temporal_Api_Enums_V1_CommandType =
            attempt == 3 ? .completeWorkflowExecution : .failWorkflowExecution
        #expect(replay.commands().map(\.commandType) == [expected])
    }
}
