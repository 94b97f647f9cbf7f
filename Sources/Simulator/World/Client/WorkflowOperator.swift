import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Pauses a workflow, lets it go on and changes its options, as somebody at a console does.
///
/// Nobody else does that to the workflow, so that each answer is known.
// Safe because a simulation has one thread.
package final class WorkflowOperator: @unchecked Sendable {
    /// Whether a request has to be found in the history of its run.
    private enum Trace { case isThere, mayBeThere, isNotThere }

    let workflowID: String
    let world: SimulatedWorld
    let caller: PatientCaller
    /// How often it does something, at most.
    private let roundCount: Int
    /// By what an event names them with: a request id, or an identity.
    private var requests: [String: (runID: String, trace: Trace)] = [:]
    package private(set) var pauseCount = 0

    package static let roundsMax = 5
    private static let waitMax = Duration.seconds(20)
    private static let pauseMax = Duration.seconds(60)
    /// How long all it does may take.
    package static let durationMax =
        (WorkflowOperator.waitMax + WorkflowOperator.pauseMax) * WorkflowOperator.roundsMax

    package init(world: SimulatedWorld, workflowID: String) {
        self.world = world
        self.workflowID = workflowID
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "operator \(workflowID)"))
        self.roundCount = self.caller.draw(1...Self.roundsMax)
    }

    /// Works on the workflow until it has done enough, or the workflow has ended.
    package func run() async {
        for round in 1...self.roundCount {
            await self.world.clock.pass(self.caller.draw(upTo: self.drawWait()))
            switch await self.caller.description(of: self.workflowID, "") {
            case .success(let response):
                let info = response.workflowExecutionInfo
                guard info.status == .running else {
                    if info.status == .paused {
                        self.world.fail("\(self.workflowID) is paused, and nobody paused it")
                    }
                    return
                }
                if self.caller.draw(0...2) == 0 {
                    await self.updateOptions(info, round)
                } else {
                    await self.pause(info.execution.runID)
                }
            // It may not have been started yet.
            case .failure(let error) where error.kind == .notFound: continue
            case .failure(let error):
                return self.world.fail("describing \(self.workflowID) was answered \(error)")
            }
        }
    }

    private func drawWait() -> Duration {
        self.caller.draw(0...1) == 0 ? .seconds(2) : Self.waitMax
    }

    // Pauses.

    private func pause(_ runID: String) async {
        let reason = "reason \(self.pauseCount)"
        guard await self.sendPause(runID, reason) else { return }
        self.pauseCount += 1
        guard await self.isPaused(runID, reason) else { return }
        let isShort = self.caller.draw(0...2) == 0
        await self.world.clock.pass(
            self.caller.draw(upTo: isShort ? .milliseconds(500) : Self.pauseMax))
        if self.caller.draw(0...3) == 0 {
            guard await self.pauseAgain(runID) else { return }
        }
        guard await self.isPaused(runID, reason) else { return }
        await self.unpause(runID)
    }

    /// - Returns: whether the run took it; false if it has ended.
    private func sendPause(_ runID: String, _ reason: String) async -> Bool {
        let requestID = self.caller.uuid()
        let result = await self.pauseResult(runID, reason, requestID)
        return self.judge(result, of: requestID, runID, .isThere, "pausing")
    }

    /// A run that is paused takes no other pause, and stays as it is.
    /// - Returns: whether it is there; false if it has ended.
    private func pauseAgain(_ runID: String) async -> Bool {
        let requestID = self.caller.uuid()
        var result = await self.pauseResult(runID, "another reason", requestID)
        switch result {
        case .success: self.world.fail("\(self.workflowID) was paused twice")
        case .failure(let error) where error.kind == .failedPrecondition: result = .success(())
        case .failure: break
        }
        return self.judge(result, of: requestID, runID, .isNotThere, "pausing again")
    }

    private func pauseResult(
        _ runID: String, _ reason: String, _ requestID: String
    ) async -> Result<Void, ServiceError> {
        let answer = await self.caller.call(
            "PauseWorkflowExecution",
            PauseWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = self.workflowID
                $0.runID = runID
                $0.identity = "operator"
                $0.reason = reason
                $0.requestID = requestID
            }, returning: PauseWorkflowExecutionResponse.self)
        return answer.result.map { _ in () }
    }

    private func unpause(_ runID: String) async {
        let requestID = self.caller.uuid()
        let answer = await self.caller.call(
            "UnpauseWorkflowExecution",
            UnpauseWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = self.workflowID
                $0.runID = runID
                $0.identity = "operator"
                $0.requestID = requestID
            }, returning: UnpauseWorkflowExecutionResponse.self)
        var result = answer.result.map { _ in () }
        if case .failure(let error) = result, error.kind == .failedPrecondition,
            answer.attempts > 1 || self.world.hasDoneUnknown
        {
            // An earlier try got through.
            result = .success(())
        }
        guard self.judge(result, of: requestID, runID, .isThere, "unpausing") else { return }
        guard case .success(let response) = await self.caller.description(of: workflowID, runID)
        else { return self.world.fail("\(self.workflowID) cannot be described") }
        if response.workflowExecutionInfo.status == .paused
            || response.workflowExtendedInfo.hasPauseInfo
        {
            self.world.fail("\(self.workflowID) is paused when it may go on")
        }
    }

    /// Whether the run is paused; false if it has ended.
    private func isPaused(_ runID: String, _ reason: String) async -> Bool {
        guard
            case .success(let response) = await self.caller.description(
                of: self.workflowID, runID)
        else {
            self.world.fail("\(self.workflowID) cannot be described")
            return false
        }
        switch response.workflowExecutionInfo.status {
        case .paused:
            let pause = response.workflowExtendedInfo.pauseInfo
            if pause.reason != reason || pause.identity != "operator" {
                self.world.fail("\(self.workflowID) is paused for another reason: \(pause)")
            }
            if response.hasPendingWorkflowTask, response.pendingWorkflowTask.state == .scheduled {
                self.world.fail("\(self.workflowID) is paused with a task that waits for a worker")
            }
            if self.caller.draw(0...1) == 0 { await self.expectListed(runID) }
            return true
        case .running:
            self.world.fail("\(self.workflowID), run \(runID), is not paused")
            return false
        default: return false
        }
    }

    /// Lists find the paused run, unless it has ended meanwhile.
    private func expectListed(_ runID: String) async {
        let query = "WorkflowId = '\(self.workflowID)' AND ExecutionStatus = 'Paused'"
        guard case .success(let listed) = await self.caller.list(query),
            case .success(let response) = await self.caller.description(of: workflowID, runID)
        else { return self.world.fail("\(self.workflowID) cannot be listed") }
        if response.workflowExecutionInfo.status == .paused,
            listed.map(\.execution.runID) != [runID]
        {
            self.world.fail("\(self.workflowID), run \(runID), is paused and not listed as that")
        }
    }

    /// Keeps in mind what a request must have left behind.
    /// - Returns: whether the run took it; false if it has ended.
    private func judge(
        _ result: Result<Void, ServiceError>, of mark: String, _ runID: String, _ trace: Trace,
        _ what: String
    ) -> Bool {
        switch result {
        case .success:
            self.world.loop.record("\(what) \(self.workflowID), run \(runID), is done")
            self.requests[mark] = (runID: runID, trace: trace)
            return true
        case .failure(let error):
            if error.kind != .notFound {
                self.world.fail("\(what) \(self.workflowID) was answered \(error)")
            }
            // An earlier try may have come before the end.
            self.requests[mark] = (
                runID: runID, trace: trace == .isThere ? .mayBeThere : trace
            )
            return false
        }
    }

    // Options.

    private func updateOptions(_ info: WorkflowExecutionInfo, _ round: Int) async {
        var expected = WorkflowOptions()
        if info.hasPriority { expected.priority = info.priority }
        if info.versioningInfo.hasVersioningOverride {
            expected.versioningOverride = info.versioningInfo.versioningOverride
        }
        var request = UpdateWorkflowExecutionOptionsRequest.with {
            $0.namespace = SimulatedWorld.namespace
            $0.workflowExecution = info.execution
            $0.identity = "operator \(round)"
        }
        self.draw(&request, &expected)
        let answer = await self.caller.call(
            "UpdateWorkflowExecutionOptions", request,
            returning: UpdateWorkflowExecutionOptionsResponse.self)
        if case .success(let response) = answer.result,
            response.workflowExecutionOptions != expected
        {
            self.world.fail(
                "\(self.workflowID) has the options \(response.workflowExecutionOptions) instead of "
                    + "\(expected)")
        }
        _ = self.judge(
            answer.result.map { _ in () }, of: request.identity, info.execution.runID, .isThere,
            "changing the options of")
    }

    /// Draws a change, so that something does change.
    private func draw(
        _ request: inout UpdateWorkflowExecutionOptionsRequest, _ expected: inout WorkflowOptions
    ) {
        let key = expected.priority.priorityKey % 5 + 1
        switch self.caller.draw(0...3) {
        case 0:
            request.updateMask.paths = ["priority.priority_key"]
            expected.priority.priorityKey = key
        case 1:
            request.updateMask.paths = ["priority"]
            expected.priority = .with { $0.priorityKey = key }
        default:
            request.updateMask.paths = ["versioning_override"]
            if expected.hasVersioningOverride {
                expected.clearVersioningOverride()
            } else {
                expected.versioningOverride.autoUpgrade = true
            }
        }
        request.workflowExecutionOptions = expected
    }

    // After the end.

    /// What was acknowledged is in the history of its run, once; and nothing else is.
    package func check(_ runs: [RunInspector.Run]) {
        var waiting = self.requests
        for run in runs {
            for mark in run.events.compactMap(\.operatorMark) {
                guard let request = waiting.removeValue(forKey: mark), request.runID == run.id,
                    request.trace != .isNotThere
                else {
                    self.world.fail(
                        "\(self.workflowID), run \(run.id), took \(mark), which is not for it")
                    continue
                }
            }
        }
        for (mark, request) in waiting.sorted(by: { $0.key < $1.key })
        where request.trace == .isThere {
            self.world.fail("\(self.workflowID), run \(request.runID), has forgotten \(mark)")
        }
    }
}

extension HistoryEvent {
    /// What names the operator's request that this event tells of; nil if it tells of none.
    fileprivate var operatorMark: String? {
        switch self.attributes {
        case .workflowExecutionPausedEventAttributes(let paused): paused.requestID
        case .workflowExecutionUnpausedEventAttributes(let unpaused): unpaused.requestID
        case .workflowExecutionOptionsUpdatedEventAttributes(let updated): updated.identity
        default: nil
        }
    }
}
