import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Starts a workflow with several activities at once, lets an operator at them, and waits for it.
// Safe because a simulation has one thread.
package final class CrewClient: @unchecked Sendable {
    package let workflowID: String
    package private(set) var runID = ""
    package private(set) var activityOperator: ActivityOperator?

    private let world: SimulatedWorld
    private let caller: PatientCaller
    private let members: [CrewMember]

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.workflowID = "crew-\(number)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "crew \(number)"))
        var random = world.loop.generator(for: "crew members \(number)")
        self.members = (0..<Int.random(in: 1...5, using: &random)).map {
            CrewMember(
                id: "member-\($0)", type: Bool.random(using: &random) ? "digger" : "carrier",
                script: .drawToBeOperatedOn(using: &random))
        }
    }

    private var end: ProgramEnd {
        ProgramEnd(.completed, self.members.map(\.script.outcome).joined(separator: ", "))
    }

    package func run() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
        guard await self.start() else { return }
        let activityOperator = ActivityOperator(
            world: self.world,
            execution: .with {
                $0.workflowID = self.workflowID
                $0.runID = self.runID
            })
        self.activityOperator = activityOperator
        await activityOperator.run()
        switch await self.caller.closeEvent(of: self.workflowID, self.runID) {
        case .success(let event):
            let end = ProgramEnd(event)
            if end != self.end {
                self.world.fail(
                    "\(self.workflowID) ended \(end.map { "\($0)" } ?? "nowhere") instead of "
                        + "\(self.end)")
            }
        case .failure(let error):
            self.world.fail("waiting for \(self.workflowID) was answered \(error)")
        }
    }

    private func start() async -> Bool {
        let answer = await self.caller.call(
            "StartWorkflowExecution",
            StartWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = self.workflowID
                $0.workflowType.name = "crew"
                $0.taskQueue.name = ScriptedWorker.taskQueue
                $0.input = Payloads(text: self.members.map(\.text).joined(separator: "\n"))
                $0.requestID = self.caller.uuid()
                $0.identity = "client"
            }, returning: StartWorkflowExecutionResponse.self)
        guard case .success(let response) = answer.result else {
            self.world.fail("starting \(self.workflowID) was answered \(answer.result)")
            return false
        }
        self.runID = response.runID
        self.world.loop.record("\(self.workflowID) started: \(self.members.map(\.text))")
        return true
    }

    /// The run with its history; nil if there is none to look at.
    package func history() async -> RunInspector.Run? {
        switch await self.caller.history(of: self.workflowID, self.runID) {
        case .success(let events): return RunInspector.Run(id: self.runID, events: events)
        case .failure(let error):
            self.world.fail("the history of \(self.workflowID) was answered \(error)")
            return nil
        }
    }

    /// No worker got what it should not have.
    package func check() { self.activityOperator?.check() }
}
