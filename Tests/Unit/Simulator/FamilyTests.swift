import Primitives
import SimulatedWorld
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct FamilyTests {
    private func plan(where isWanted: (FamilyPlan) -> Bool) throws -> FamilyPlan {
        let found = (0..<10_000).lazy.map { FamilyPlan(seed: $0) }.first(where: isWanted)
        return try #require(found)
    }

    private func start(_ plan: FamilyPlan) -> HistoryEvent {
        .with {
            $0.eventID = 1
            $0.workflowExecutionStartedEventAttributes.input = Payloads(
                text: FamilyInput(seed: plan.seed, parentID: "p").text)
        }
    }

    private func initiated(_ id: Int64, _ childID: String) -> HistoryEvent {
        .with {
            $0.eventID = id
            $0.startChildWorkflowExecutionInitiatedEventAttributes.workflowID = childID
        }
    }

    private func started(_ id: Int64, _ initiatedID: Int64, _ childID: String) -> HistoryEvent {
        .with {
            $0.eventID = id
            $0.childWorkflowExecutionStartedEventAttributes = .with {
                $0.initiatedEventID = initiatedID
                $0.workflowExecution = WorkflowExecution(childID, "run")
            }
        }
    }

    private func completed(_ id: Int64, _ initiatedID: Int64, _ startedID: Int64) -> HistoryEvent {
        .with {
            $0.eventID = id
            $0.childWorkflowExecutionCompletedEventAttributes = .with {
                $0.initiatedEventID = initiatedID
                $0.startedEventID = startedID
                $0.workflowExecution = WorkflowExecution("p/child-0", "run")
                $0.result = Payloads(text: "done")
            }
        }
    }

    @Test("A child's script survives its trip as an input")
    func scriptsRoundTrip() {
        let scripts: [ChildScript] = [
            .completes(after: .milliseconds(2)), .fails(after: .zero),
            .timesOut(after: .seconds(3)), .continues(runs: 2), .isRetried(failures: 1),
            .isSignaled(count: 2), .isCanceled, .isTerminated, .isLeft, .exists,
        ]
        for script in scripts { #expect(ChildScript(text: script.text) == script) }
        #expect(ChildScript(text: "grows 3") == nil)
    }

    @Test("A parent's input survives its trip")
    func inputsRoundTrip() {
        for outcomes in [nil, "left; delivered"] {
            let input = FamilyInput(seed: .max, parentID: "p", outcomes: outcomes)
            #expect(FamilyInput(text: input.text) == input)
        }
        #expect(FamilyInput(text: "7") == nil)
    }

    @Test("A parent starts its child once, and ends with the outcome its seed foretold")
    func parentEndsAsForetold() throws {
        let plan = try self.plan {
            guard $0.strands.count == 1, $0.patience == .all, $0.ending == .completes,
                case .child(let child) = $0.strands[0], case .completes = child.script
            else { return false }
            return child.second == .none
        }
        var events = [self.start(plan)]
        func types() throws -> [Temporal_Api_Enums_V1_CommandType] {
            try #require(ParentReplay(events: events)).commands().map(\.commandType)
        }
        #expect(try types() == [.startChildWorkflowExecution])
        events.append(self.initiated(5, "p/child-0"))
        events.append(self.started(6, 5, "p/child-0"))
        #expect(try types() == [])
        events.append(self.completed(7, 5, 6))
        #expect(try types() == [.completeWorkflowExecution])
        let command = try #require(ParentReplay(events: events)).commands()[0]
        #expect(
            command.completeWorkflowExecutionCommandAttributes.result.text == plan.outcomes)
    }

    @Test("An impatient parent ends with the task that begins everything")
    func impatientParentEndsAtOnce() throws {
        let plan = try self.plan { $0.patience == .none && $0.ending == .fails }
        let replay = try #require(ParentReplay(events: [self.start(plan)]))
        #expect(replay.commands().count == plan.strands.count + 1)
        #expect(replay.commands().last?.commandType == .failWorkflowExecution)
    }

    @Test("A child that closes twice, or unstarted, is found out")
    func childrenCloseOnce() {
        let task: [HistoryEvent] = [
            .with { $0.eventType = .workflowExecutionStarted },
            .with { $0.workflowTaskScheduledEventAttributes = .init() },
            .with { $0.workflowTaskStartedEventAttributes.scheduledEventID = 2 },
            .with {
                $0.workflowTaskCompletedEventAttributes.scheduledEventID = 2
                $0.workflowTaskCompletedEventAttributes.startedEventID = 3
            },
        ]
        func problems(_ more: [HistoryEvent]) -> Int {
            var events =
                task + more + [
                    .with { $0.workflowExecutionTerminatedEventAttributes = .init() }
                ]
            for index in events.indices { events[index].eventID = Int64(index + 1) }
            return HistoryChecker.problems(in: events, of: "p").count
        }
        var initiated = self.initiated(5, "p/child-0")
        initiated.startChildWorkflowExecutionInitiatedEventAttributes
            .workflowTaskCompletedEventID = 4
        let started = self.started(6, 5, "p/child-0")
        let completed = self.completed(7, 5, 6)
        #expect(problems([initiated, started, completed]) == 0)
        #expect(problems([initiated, started, completed, completed]) > 0)
        #expect(problems([initiated, completed]) > 0)
        #expect(problems([initiated, started, started]) > 0)
        #expect(problems([started]) > 0)
    }
}
