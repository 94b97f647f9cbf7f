import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Starts a workflow whose worker asks for what cannot be, and waits for its end.
// Safe because a simulation has one thread.
package final class BlunderClient: @unchecked Sendable {
    package let workflowID: String
    package let blunders: [Blunder]
    private var runID = ""
    private let world: SimulatedWorld
    private let caller: PatientCaller

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.workflowID = "blunderer-\(number)"
        let caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "blunderer \(number)"))
        self.caller = caller
        self.blunders = (0..<caller.draw(1...4)).compactMap { _ in
            Blunder.allCases.randomElement(using: &caller.random)
        }
    }

    package func run() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
        let started = await self.caller.start(self.workflowID, type: "blunderer") {
            $0.input = Payloads(text: BlundererReplay.text(self.blunders))
        }
        guard case .success(let response) = started else {
            return self.world.fail("starting \(self.workflowID) was answered \(started)")
        }
        self.runID = response.runID
        switch await self.caller.closeEvent(of: self.workflowID, self.runID) {
        case .success(let event):
            if ProgramEnd(event) != ProgramEnd(.completed, "\(self.blunders.count)") {
                self.world.fail("\(self.workflowID) ended otherwise: \(event)")
            }
        case .failure(let error):
            self.world.fail("waiting for \(self.workflowID) was answered \(error)")
        }
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

    /// Each blunder has failed one workflow task with its own cause, and nothing came of it.
    package func check(_ events: [HistoryEvent]) {
        let causes = Set(Blunder.allCases.map(\.cause))
        let failures = events.map(\.workflowTaskFailedEventAttributes)
            .filter { causes.contains($0.cause) }
        let isEach =
            failures.count == self.blunders.count
            && zip(failures, self.blunders).allSatisfy { failure, blunder in
                failure.cause == blunder.cause
                    && failure.failure.message.hasPrefix(blunder.message)
            }
        if !isEach {
            self.world.fail(
                "\(self.workflowID) asked for \(self.blunders) and was told "
                    + "\(failures.map(\.failure.message))")
        }
        let markers = events.map(\.markerRecordedEventAttributes.markerName)
        if markers.contains(BlundererReplay.besides) {
            self.world.fail("\(self.workflowID) has what it asked for besides")
        }
    }
}
