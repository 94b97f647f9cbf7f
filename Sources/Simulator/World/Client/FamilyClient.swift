import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Starts a parent and its neighbours, does what the plan leaves to a client, and waits until
/// everybody has ended.
// Safe because a simulation has one thread.
package final class FamilyClient: @unchecked Sendable {
    package let workflowID: String
    package let plan: FamilyPlan
    /// The runs of the parent's chain, in order.
    package private(set) var runIDs: [String] = []
    /// Workflows that the client started itself.
    package private(set) var neighbors: [String] = []

    let world: SimulatedWorld
    let caller: PatientCaller
    private var isParentClosed = false

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.workflowID = "family-\(number)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "family \(number)"))
        var random = world.loop.generator(for: "family plan \(number)")
        self.plan = FamilyPlan(seed: random.next())
    }

    package func run() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
        guard await self.startNeighbors(), await self.startParent() else { return }
        await withTaskGroup { group in
            for child in self.plan.children(of: self.workflowID)
            where child.plan.script == .isTerminated {
                group.addTask { await self.terminate(child.id) }
            }
            group.addTask { await self.end() }
            group.addTask { await self.awaitEnd() }
        }
        await self.endOthers()
    }

    // The beginning.

    private func startNeighbors() async -> Bool {
        for strand in self.plan.strands {
            switch strand {
            case .signal(.neighbor): self.neighbors.append(FamilyPlan.friend(of: self.workflowID))
            case .cancel(.neighbor): self.neighbors.append(FamilyPlan.victim(of: self.workflowID))
            case .child, .signal, .cancel: break
            }
        }
        for child in self.plan.children(of: self.workflowID) where child.plan.script == .exists {
            self.neighbors.append(child.id)
        }
        self.neighbors = Set(self.neighbors).sorted()
        for id in self.neighbors {
            if case .failure(let error) = await self.caller.start(id) {
                self.world.fail("starting \(id) was answered \(error)")
                return false
            }
        }
        return true
    }

    private func startParent() async -> Bool {
        let input = FamilyInput(seed: self.plan.seed, parentID: self.workflowID)
        let result = await self.caller.start(self.workflowID, type: "parent") {
            $0.input = Payloads(text: input.text)
            $0.workflowIDReusePolicy = .rejectDuplicate
            if let timeout = self.plan.runTimeout { $0.workflowRunTimeout = timeout.proto }
        }
        switch result {
        case .success(let response):
            self.runIDs = [response.runID]
        case .failure(let error):
            // An earlier try got through, and the chain has gone on to a run of another request.
            guard case .workflowExecutionAlreadyStarted(_, _, let firstRunID) = error.kind else {
                self.world.fail("starting \(self.workflowID) was answered \(error)")
                return false
            }
            self.runIDs = [firstRunID.rawValue]
        }
        self.world.loop.record("\(self.workflowID) started, \(self.plan)")
        return true
    }

    // The parent's end.

    private func end() async {
        let answer: ServiceError?
        switch self.plan.ending {
        case .completes, .fails, .continues, .timesOut: return
        case .isCanceled:
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(60)))
            answer = await self.caller.requestCancel(self.workflowID).error
        case .isTerminated:
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(60)))
            let answered = await self.caller.terminate(self.workflowID, "", self.plan.end.text)
            answer = answered.error.flatMap {
                self.world.mayHaveHappened($0, answered.attempts) ? nil : $0
            }
        }
        if let answer { self.world.fail("ending \(self.workflowID) was answered \(answer)") }
    }

    private func awaitEnd() async {
        while let runID = self.runIDs.last {
            switch await self.caller.closeEvent(of: self.workflowID, runID) {
            case .failure(let error):
                return self.world.fail("waiting for \(self.workflowID) was answered \(error)")
            case .success(let event) where !event.nextRunID.isEmpty:
                self.runIDs.append(event.nextRunID)
            case .success(let event):
                self.isParentClosed = true
                let end = ProgramEnd(event)
                self.world.loop.record(
                    "\(self.workflowID) ended, \(end.map { "\($0)" } ?? "nowhere")")
                guard end != self.plan.end else { return }
                return self.world.fail(
                    "\(self.workflowID) ended \(end.map { "\($0)" } ?? "nowhere") instead of "
                        + "\(self.plan.end)")
            }
        }
    }

    // The others' ends.

    /// Terminates a child, once it is there.
    private func terminate(_ childID: String) async {
        while true {
            switch await self.caller.description(of: childID, "") {
            case .success(let response):
                let execution = response.workflowExecutionInfo.execution
                let answer = await self.caller.terminate(childID, execution.runID, "enough")
                if let error = answer.error, error.kind != .notFound {
                    self.world.fail("terminating \(childID) was answered \(error)")
                }
                return
            case .failure(let error):
                guard error.kind == .notFound else {
                    return self.world.fail("describing \(childID) was answered \(error)")
                }
                if self.isParentClosed { return }
            }
            await self.world.clock.pass(.seconds(1))
        }
    }

    /// Ends the neighbours, and the children that their parent's end means nothing to.
    private func endOthers() async {
        guard let runID = self.runIDs.first,
            case .success(let events) = await self.caller.history(of: self.workflowID, runID)
        else { return self.world.fail("the history of \(self.workflowID) cannot be read") }
        let family = FamilyHistory(events, of: WorkflowExecution(self.workflowID, runID))
        for child in self.plan.children(of: self.workflowID) where child.plan.script != .exists {
            guard let last = family.children[child.id]?.last, !last.isRefused,
                last.isLeftAlone
            else { continue }
            await self.awaitChild(child.id)
            if child.plan.script.waits { await self.release(child.id) }
            if case .failure(let error) = await self.caller.chainEnd(of: child.id) {
                self.world.fail("waiting for \(child.id) was answered \(error)")
            }
        }
        for id in self.neighbors {
            await self.release(id)
            if case .failure(let error) = await self.caller.chainEnd(of: id) {
                self.world.fail("waiting for \(id) was answered \(error)")
            }
        }
    }

    /// Waits until a child that is to be started exists.
    private func awaitChild(_ childID: String) async {
        while true {
            switch await self.caller.description(of: childID, "") {
            case .success: return
            case .failure(let error) where error.kind == .notFound: break
            case .failure(let error):
                return self.world.fail("describing \(childID) was answered \(error)")
            }
            await self.world.clock.pass(.seconds(1))
        }
    }

    /// Lets a workflow complete that waits for it; it may have ended otherwise.
    private func release(_ workflowID: String) async {
        let answer = await self.caller.signal(workflowID, "", "end", "done")
        if let error = answer.error, error.kind != .notFound {
            self.world.fail("ending \(workflowID) was answered \(error)")
        }
        self.world.loop.record("\(workflowID) is released")
    }

    /// Every run of a workflow with its history.
    package func runs(of workflowID: String) async -> [RunInspector.Run]? {
        switch await self.caller.runs(of: workflowID) {
        case .success(let runs): return runs
        case .failure(let error):
            self.world.fail("the runs of \(workflowID) were answered \(error)")
            return nil
        }
    }
}

extension PatientCaller.Answer {
    /// Why the call failed; nil if it did not.
    var error: ServiceError? {
        guard case .failure(let error) = self.result else { return nil }
        return error
    }
}
