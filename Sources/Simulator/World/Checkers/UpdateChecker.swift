import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Checks that the histories of a workflow id hold exactly the updates that its client knows of.
package struct UpdateChecker {
    /// One update in one run's history.
    private struct Found {
        let runID: String
        let updateID: String
        var result: UpdateResult?
    }

    private let world: SimulatedWorld
    private let client: UpdateClient
    private let runs: [RunInspector.Run]
    private let found: [Found]

    package init(world: SimulatedWorld, client: UpdateClient, runs: [RunInspector.Run]) {
        self.world = world
        self.client = client
        self.runs = runs
        self.found = runs.flatMap { Self.updates(in: $0) }
    }

    private static func updates(in run: RunInspector.Run) -> [Found] {
        var found: [Found] = []
        for event in run.events {
            switch event.attributes {
            case .workflowExecutionUpdateAcceptedEventAttributes(let accepted):
                found.append(Found(runID: run.id, updateID: accepted.protocolInstanceID))
            case .workflowExecutionUpdateCompletedEventAttributes(let completed):
                let id = completed.meta.updateID
                guard let index = found.firstIndex(where: { $0.updateID == id }) else { continue }
                found[index].result = UpdateResult(completed.outcome)
            default: break
            }
        }
        return found
    }

    package func check() async {
        self.checkRuns()
        for found in self.found where self.client.updates[found.updateID] == nil {
            self.world.fail("\(found.runID) has \(found.updateID), which nobody sent")
        }
        for (_, update) in self.client.updates.sorted(by: { $0.key < $1.key }) {
            self.check(update)
            await self.poll(update)
        }
    }

    /// Each run was started by the client, once, or goes on from another one.
    private func checkRuns() {
        let first = self.runs.filter {
            $0.events.first?.start?.continuedExecutionRunID.isEmpty ?? false
        }
        if first.map(\.id) != self.client.startedRunIDs {
            self.world.fail(
                "\(self.client.workflowID) has the runs \(first.map(\.id)), started were "
                    + "\(self.client.startedRunIDs)")
        }
    }

    private func check(_ update: UpdateClient.Update) {
        let found = self.found.filter { $0.updateID == update.id }
        guard update.script.isAccepted else {
            if !found.isEmpty { self.world.fail("\(update.id), not accepted, is in a history") }
            return
        }
        // Another run of the chain knows nothing of what the one before it has done.
        let isOften = found.count > 1 && update.attempts < 2 && !self.world.mayRepeatTasks
        if isOften { self.world.fail("\(update.id), sent once, is in \(found.count) runs") }
        let told = found.filter { $0.runID == update.runID }
        if update.runID != nil, told.count != 1 {
            self.world.fail(
                "\(update.id), said to be accepted, is \(told.count) times in its run")
        }
        for found in told {
            if found.result ?? .cutShort != update.result {
                self.world.fail(
                    "\(update.id) ended \(update.result.map { "\($0)" } ?? "nowhere"), in history "
                        + "\(found.result.map { "\($0)" } ?? "nowhere")")
            }
        }
        for found in found where found.result != nil {
            if found.result != update.script.result(of: update.id) {
                self.world.fail("\(update.id) has another outcome in \(found.runID)")
            }
        }
    }

    /// A poll says now what was said before; nobody knows what was rejected.
    private func poll(_ update: UpdateClient.Update) async {
        guard update.runID != nil else { return }
        let expected = update.script.isAccepted ? update.result : nil
        let result = await self.client.finalResult(of: update)
        if result != expected {
            self.world.fail(
                "\(update.id) ended \(expected.map { "\($0)" } ?? "nowhere"), and a poll says "
                    + "\(result.map { "\($0)" } ?? "nothing")")
        }
    }
}
