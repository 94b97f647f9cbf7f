import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Starts one workflow id in rounds, with and without an update, and sends updates to its runs.
///
/// It alone touches that id, and knows the outcome of each update in advance.
// Safe because a simulation has one thread.
package final class UpdateClient: @unchecked Sendable {
    package enum Ending { case isLeftOpen, isSignaled, isTerminated }

    /// An update and what its sender has been told of it.
    package struct Update {
        package let id: String
        package let script: UpdateScript
        /// Whether its workflow may close before it is done.
        package let mayBeCutShort: Bool
        package var attempts = 0
        /// The run that said it accepted or rejected the update.
        package var runID: String?
        package var isAccepted = false
        package var result: UpdateResult?
    }

    package let workflowID: String
    package internal(set) var updates: [String: Update] = [:]
    /// The runs that were started, in order; others follow them by continuing as new.
    package internal(set) var startedRunIDs: [String] = []

    let world: SimulatedWorld
    let caller: PatientCaller
    var isOpen = false

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.workflowID = "updatable-\(number)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "updatable \(number)"))
    }

    package func run() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
        let roundCount = self.caller.draw(1...3)
        for round in 1...roundCount {
            guard await self.begin() else { return }
            let ending: Ending
            switch self.caller.draw(0...3) {
            case 0 where round < roundCount: ending = .isLeftOpen
            case 1: ending = .isTerminated
            default: ending = .isSignaled
            }
            let isCutShort = ending != .isLeftOpen && self.caller.draw(0...3) == 0
            await withTaskGroup { group in
                for _ in 0..<self.caller.draw(1...4) {
                    let update = self.drawUpdate(mayBeCutShort: isCutShort)
                    let delay = self.caller.draw(upTo: .seconds(self.caller.draw(0...20)))
                    group.addTask {
                        await self.world.clock.pass(delay)
                        await self.update(update)
                    }
                }
                if self.caller.draw(0...2) == 0 { group.addTask { await self.letContinue() } }
                if isCutShort { group.addTask { await self.end(as: ending) } }
            }
            if !isCutShort { await self.end(as: ending) }
        }
    }

    func drawUpdate(mayBeCutShort: Bool) -> Update {
        let script = UpdateScript.draw(self.caller.draw(0...11), self.caller.draw(1...5_000))
        let id = "\(self.workflowID)/update-\(self.updates.count)"
        let update = Update(id: id, script: script, mayBeCutShort: mayBeCutShort)
        self.updates[id] = update
        return update
    }

    // The beginning and the end of a round.

    private func begin() async -> Bool {
        if self.isOpen || self.caller.draw(0...1) == 0 { return await self.updateWithStart() }
        switch await self.caller.start(self.workflowID, type: "updatable") {
        case .success(let response):
            self.started(response.runID)
            return true
        case .failure(let error):
            self.world.fail("starting \(self.workflowID) was answered \(error)")
            return false
        }
    }

    func started(_ runID: String) {
        self.isOpen = true
        if self.startedRunIDs.last != runID { self.startedRunIDs.append(runID) }
        self.world.loop.record("\(self.workflowID) started as \(runID)")
    }

    private func letContinue() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
        let answer = await self.caller.signal(self.workflowID, "", "continue", "")
        if let error = answer.error, error.kind != .notFound {
            self.world.fail("a signal to \(self.workflowID) was answered \(error)")
        }
    }

    private func end(as ending: Ending) async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
        let error: ServiceError?
        let attempts: Int
        switch ending {
        case .isLeftOpen: return
        case .isSignaled:
            let answer = await self.caller.signal(self.workflowID, "", "end", "done")
            (error, attempts) = (answer.error, answer.attempts)
        case .isTerminated:
            let answer = await self.caller.terminate(self.workflowID, "", "enough")
            (error, attempts) = (answer.error, answer.attempts)
        }
        if let error, !self.world.mayHaveHappened(error, attempts) {
            return self.world.fail("ending \(self.workflowID) was answered \(error)")
        }
        if case .failure(let error) = await self.caller.chainEnd(of: self.workflowID) {
            self.world.fail("waiting for \(self.workflowID) was answered \(error)")
        }
        self.isOpen = false
    }

    /// Every run of the workflow id with its history, in the order they began.
    package func runs() async -> [RunInspector.Run]? {
        switch await self.caller.runs(of: self.workflowID) {
        case .success(let runs): return runs
        case .failure(let error):
            self.world.fail("the runs of \(self.workflowID) were answered \(error)")
            return nil
        }
    }
}
