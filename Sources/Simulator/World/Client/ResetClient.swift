import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Resets one workflow id to drawn points, deletes some of its runs, and starts it again.
///
/// It alone touches that id, one call after another.
// Safe because a simulation has one thread.
package final class ResetClient: @unchecked Sendable {
    package typealias ReapplyType = Temporal_Api_Enums_V1_ResetReapplyType
    package typealias ExcludeType = Temporal_Api_Enums_V1_ResetReapplyExcludeType

    package let workflowID: String
    /// The runs that are there, with whether each is open, in order.
    private(set) var runIDs: [String] = []
    package private(set) var resetCount = 0
    package private(set) var deletedRunIDs: [String] = []

    private let world: SimulatedWorld
    private let caller: PatientCaller
    private var isOpen = false
    private var sentCount = 0

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.workflowID = "resettable-\(number)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "resettable \(number)"))
    }

    package func run() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
        for _ in 0..<self.caller.draw(2...6) {
            if self.runIDs.isEmpty || self.isCurrentDeleted {
                guard await self.start() else { return }
            }
            if self.isOpen { await self.sendSomething() }
            if self.isOpen, self.caller.draw(0...3) == 0 { await self.end() }
            switch self.caller.draw(0...3) {
            case 0: await self.delete()
            case 1: break
            default: await self.reset()
            }
            guard self.world.failure == nil else { return }
        }
        if self.isCurrentDeleted, await !self.start() { return }
        // A reset may have left the signal out, or brought another one along, that ends the run.
        if await self.isCurrentOpen() { await self.end() }
    }

    /// Whether the run that a request without a run id means is gone.
    private var isCurrentDeleted: Bool {
        self.runIDs.last.map { self.deletedRunIDs.contains($0) } ?? true
    }

    private func start() async -> Bool {
        switch await self.caller.start(self.workflowID, type: "updatable") {
        case .success(let response):
            if self.runIDs.contains(response.runID) {
                self.world.fail("\(self.workflowID) was started as a run that was deleted")
            }
            self.runIDs.append(response.runID)
            self.isOpen = true
            self.world.loop.record("\(self.workflowID) started as \(response.runID)")
            return true
        case .failure(let error):
            self.world.fail("starting \(self.workflowID) was answered \(error)")
            return false
        }
    }

    private func isCurrentOpen() async -> Bool {
        switch await self.caller.description(of: self.workflowID, "") {
        case .success(let response):
            let info = response.workflowExecutionInfo
            if info.execution.runID != self.runIDs.last {
                self.world.fail("the current run of \(self.workflowID) is another one")
            }
            return info.status == .running
        case .failure(let error):
            self.world.fail("describing \(self.workflowID) was answered \(error)")
            return false
        }
    }

    // What may come behind a point.

    private func sendSomething() async {
        for _ in 0..<self.caller.draw(1...4) {
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(self.caller.draw(0...5))))
            self.sentCount += 1
            let isSent =
                self.caller.draw(0...2) == 0
                ? await self.update("\(self.workflowID)/update-\(self.sentCount)")
                : await self.signal("note", "note-\(self.sentCount)")
            if !isSent { return }
        }
    }

    /// - Returns: false if the run has closed, as a signal from before a reset may make it.
    private func signal(_ name: String, _ text: String) async -> Bool {
        let answer = await self.caller.signal(self.workflowID, "", name, text)
        guard let error = answer.error else { return true }
        if error.kind != .notFound {
            self.world.fail("signalling \(self.workflowID) was answered \(error)")
        }
        return false
    }

    private func update(_ id: String) async -> Bool {
        let script = UpdateScript.draw(self.caller.draw(0...10), self.caller.draw(1...3_000))
        while true {
            let answer = await self.caller.call(
                "UpdateWorkflowExecution",
                UpdateWorkflowExecutionRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.workflowExecution.workflowID = self.workflowID
                    $0.waitPolicy.lifecycleStage =
                        self.caller.draw(0...1) == 0
                        ? .accepted : .completed
                    $0.request.meta.updateID = id
                    $0.request.input.name = script.text
                }, timeout: .seconds(60), returning: UpdateWorkflowExecutionResponse.self)
            switch answer.result {
            case .success(let response) where response.stage == .admitted: break
            case .success: return true
            case .failure(let error) where error.kind == .notFound: return false
            case .failure(let error) where error.kind == .workflowNotReady: break
            case .failure(let error):
                self.world.fail("\(id) was answered \(error)")
                return false
            }
            await self.caller.pause(3)
        }
    }

    private func end() async {
        switch self.caller.draw(0...2) {
        case 0:
            let answer = await self.caller.terminate(self.workflowID, "", "enough")
            if let error = answer.error, error.kind != .notFound {
                self.world.fail("terminating \(self.workflowID) was answered \(error)")
            }
        case 1:
            if let error = await self.caller.requestCancel(self.workflowID).error {
                self.world.fail("the cancel of \(self.workflowID) was answered \(error)")
            }
        default: _ = await self.signal("end", "done")
        }
        if case .failure(let error) = await self.caller.chainEnd(of: self.workflowID) {
            self.world.fail("waiting for \(self.workflowID) was answered \(error)")
        }
        self.isOpen = false
    }

    // Resets.

    private func reset() async {
        let there = self.runIDs.filter { !self.deletedRunIDs.contains($0) }
        // Mostly the current run, but any that is there may be reset.
        let baseID =
            self.caller.draw(0...2) == 0
            ? there[self.caller.draw(0...there.count - 1)]
            : there.last ?? ""
        guard let before = await self.history(of: baseID) else { return }
        let points = before.filter { $0.eventType == .workflowTaskCompleted }.map(\.eventID)
        guard !points.isEmpty else { return }
        let point = points[self.caller.draw(0...points.count - 1)]
        let (type, excluded) = self.drawExclusions()
        let answer = await self.caller.call(
            "ResetWorkflowExecution",
            ResetWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution.workflowID = self.workflowID
                $0.workflowExecution.runID = baseID
                $0.reason = "back to \(point)"
                $0.workflowTaskFinishEventID = point
                $0.requestID = self.caller.uuid()
                $0.resetReapplyType = type
                $0.resetReapplyExcludeTypes = excluded
            }, returning: ResetWorkflowExecutionResponse.self)
        guard case .success(let response) = answer.result else {
            return self.world.fail(
                "resetting \(self.workflowID) to \(point) was answered \(answer.result)")
        }
        self.world.loop.record(
            "\(self.workflowID), run \(baseID), reset to \(point) as \(response.runID)")
        guard !self.runIDs.contains(response.runID) else {
            return self.world.fail("\(self.workflowID) was reset to a run that was there before")
        }
        self.resetCount += 1
        let previousID = self.runIDs.last ?? ""
        self.runIDs.append(response.runID)
        self.isOpen = true
        guard let base = await self.history(of: baseID),
            let new = await self.history(of: response.runID),
            let previous = await self.history(of: previousID)
        else { return }
        let checker = ResetChecker(
            base: base, new: new, point: point,
            excluded: Set(excluded).union(Self.excluded(by: type)))
        for problem in checker.problems(baseID, response.runID) {
            self.world.fail("\(self.workflowID), run \(baseID), reset to \(point): \(problem)")
        }
        guard previous.last.flatMap({ ProgramEnd($0) }) != nil else {
            return self.world.fail("\(self.workflowID) was reset, and its run before is open")
        }
    }

    private func drawExclusions() -> (ReapplyType, [ExcludeType]) {
        switch self.caller.draw(0...7) {
        case 0: (.signal, [])
        case 1: (.none, [])
        case 2: (.allEligible, [])
        case 3: (.unspecified, [.signal])
        case 4: (.unspecified, [.update])
        case 5: (.unspecified, [.signal, .update])
        default: (.unspecified, [])
        }
    }

    private static func excluded(by type: ReapplyType) -> Set<ExcludeType> {
        switch type {
        case .signal: [.update]
        case .none: [.signal, .update]
        case .unspecified, .allEligible, .UNRECOGNIZED: []
        }
    }

    private func history(of runID: String) async -> [HistoryEvent]? {
        switch await self.caller.history(of: self.workflowID, runID) {
        case .success(let events): return events
        case .failure(let error):
            self.world.fail(
                "the history of \(self.workflowID), run \(runID), was answered \(error)")
            return nil
        }
    }

    // Deletes.

    private func delete() async {
        let there = self.runIDs.filter { !self.deletedRunIDs.contains($0) }
        let runID = there[self.caller.draw(0...there.count - 1)]
        // Without a run id it is the current run that goes.
        let isNamed = runID != self.runIDs.last || self.caller.draw(0...1) == 0
        let answer = await self.caller.call(
            "DeleteWorkflowExecution",
            DeleteWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution.workflowID = self.workflowID
                $0.workflowExecution.runID = isNamed ? runID : ""
            }, returning: DeleteWorkflowExecutionResponse.self)
        if let error = answer.error, !self.world.mayHaveHappened(error, answer.attempts) {
            return self.world.fail("deleting \(self.workflowID) was answered \(error)")
        }
        self.world.loop.record("\(self.workflowID), run \(runID), is deleted")
        self.deletedRunIDs.append(runID)
        if runID == self.runIDs.last { self.isOpen = false }
        // It goes soon, not at once; and what was started in its place stays.
        if self.caller.draw(0...1) == 0 { await self.awaitGone(runID) }
    }

    /// Waits until nobody can see a run any more.
    package func awaitGone(_ runID: String) async {
        while true {
            let described = await self.caller.description(of: self.workflowID, runID)
            if case .failure(let error) = described, error.kind == .notFound { break }
            await self.world.clock.pass(.seconds(1))
        }
        if case .success = await self.caller.history(of: self.workflowID, runID) {
            self.world.fail("\(self.workflowID), run \(runID), is gone and has a history")
        }
        let query = "WorkflowId = '\(self.workflowID)' AND RunId = '\(runID)'"
        guard case .success(let count) = await self.caller.count(query), count == 0 else {
            return self.world.fail("\(self.workflowID), run \(runID), is gone and is listed")
        }
    }

    /// The runs that are there with their histories, in the order they began.
    package func runs() async -> [RunInspector.Run] {
        var runs: [RunInspector.Run] = []
        for runID in self.runIDs where !self.deletedRunIDs.contains(runID) {
            guard let events = await self.history(of: runID) else { return [] }
            runs.append(RunInspector.Run(id: runID, events: events))
        }
        return runs
    }
}
