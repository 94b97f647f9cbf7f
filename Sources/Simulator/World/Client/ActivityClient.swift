import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Starts one activity id again and again, without a workflow, and knows what each answer must be.
///
/// It alone touches that id, one call after another.
// Safe because a simulation has one thread.
package final class ActivityClient: @unchecked Sendable {
    /// One run of the id.
    package struct Run {
        package let id: String
        let script: ActivityScript
        /// How it ended; nil while it is open.
        var outcome: ActivityOutcome?
        package var isDeleted = false
    }

    package let activityID: String
    /// Every run that was started, in order.
    package internal(set) var runs: [Run] = []

    let world: SimulatedWorld
    let caller: PatientCaller
    private let roundCount: Int

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.activityID = "lone-\(number)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "lone \(number)"))
        self.roundCount = self.caller.draw(1...5)
    }

    package func run() async {
        for _ in 0..<self.roundCount {
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
            let rests = self.caller.draw(0...2) == 0
            let script = rests ? self.drawResting() : .draw(using: &self.caller.random)
            guard let request = await self.tryToStart(script) else { continue }
            if rests {
                await self.useOpen(request)
            } else {
                await self.useWorking(request)
            }
            if let last = self.runs.last, !last.isDeleted, self.caller.draw(0...3) == 0 {
                await self.delete()
            }
        }
    }

    /// One that does not end by itself.
    private func drawResting() -> ActivityScript {
        self.caller.draw(0...1) == 0 ? .isMoved : .heedsCancel
    }

    /// Tries to start the open activity again, and ends it.
    private func useOpen(_ request: StartActivityExecutionRequest) async {
        for _ in 0..<self.caller.draw(0...2) {
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(10)))
            _ = await self.tryToStart(.refuses)
        }
        await self.repeatStart(request)
        switch self.caller.draw(0...3) {
        case 0: await self.terminate()
        case 1: await self.delete()
        case 2 where self.runs.last?.script == .isMoved: await self.completeByID()
        default: await self.requestCancel()
        }
    }

    /// Lets the activity end, or ends it before.
    private func useWorking(_ request: StartActivityExecutionRequest) async {
        if self.caller.draw(0...2) == 0 { await self.repeatStart(request) }
        if self.caller.draw(0...2) == 0 { await self.awaitChange() }
        guard self.caller.draw(0...5) == 0 else { return await self.awaitOutcome(.isOfScript) }
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(3)))
        if self.caller.draw(0...1) == 0 { await self.delete() } else { await self.terminate() }
    }

    func fail(_ message: String) { self.world.fail("\(self.activityID) \(message)") }

    // Starts.

    private typealias Reuse = Temporal_Api_Enums_V1_ActivityIdReusePolicy
    private typealias Conflict = Temporal_Api_Enums_V1_ActivityIdConflictPolicy

    /// What a start under these policies must lead to.
    private enum Expected: Equatable { case newRun, currentRun, refusal }

    private func expected(_ reuse: Reuse, _ conflict: Conflict) -> Expected {
        // When the current run is deleted, the id has none.
        guard let last = self.runs.last, !last.isDeleted else { return .newRun }
        guard let outcome = last.outcome else {
            return conflict == .useExisting ? .currentRun : .refusal
        }
        switch reuse {
        case .rejectDuplicate: return .refusal
        case .allowDuplicateFailedOnly: return outcome.isSuccess ? .refusal : .newRun
        default: return .newRun
        }
    }

    /// - Returns: the request, if it started a new run.
    private func tryToStart(_ script: ActivityScript) async -> StartActivityExecutionRequest? {
        let reuses: [Reuse] = [
            .unspecified, .allowDuplicate, .allowDuplicateFailedOnly, .rejectDuplicate,
        ]
        let conflicts: [Conflict] = [.unspecified, .fail, .useExisting]
        let reuse = reuses[self.caller.draw(0...reuses.count - 1)]
        let conflict = conflicts[self.caller.draw(0...conflicts.count - 1)]
        let expected = self.expected(reuse, conflict)
        var request = self.startRequest(script)
        request.idReusePolicy = reuse
        request.idConflictPolicy = conflict
        let answer = await self.caller.call(
            "StartActivityExecution", request, returning: StartActivityExecutionResponse.self)
        self.world.loop.record(
            "\(self.activityID), \(script.text), under \(reuse) and \(conflict): \(expected)")
        switch answer.result {
        case .success(let response):
            let isCurrent = response.runID == self.runs.last?.id
            let isRepeated = answer.attempts > 1 || self.world.hasDoneUnknown
            guard expected != .refusal, isCurrent == (expected == .currentRun),
                response.started == (expected == .newRun) || isRepeated
            else {
                self.fail("was started under \(reuse) and \(conflict): \(response)")
                return nil
            }
            guard expected == .newRun else { return nil }
            self.runs.append(Run(id: response.runID, script: script))
            return request
        case .failure(let error):
            guard expected == .refusal,
                case .activityExecutionAlreadyStarted(_, let runID) = error.kind,
                runID.rawValue == self.runs.last?.id
            else {
                self.fail("under \(reuse) and \(conflict) was answered \(error)")
                return nil
            }
            return nil
        }
    }

    /// The same request leads to the same run, whatever became of it.
    private func repeatStart(_ request: StartActivityExecutionRequest) async {
        let answer = await self.caller.call(
            "StartActivityExecution", request, returning: StartActivityExecutionResponse.self)
        guard case .success(let response) = answer.result, !response.started,
            response.runID == self.runs.last?.id
        else { return self.fail("started again by the same request was answered \(answer.result)") }
    }

    private func startRequest(_ script: ActivityScript) -> StartActivityExecutionRequest {
        .with {
            $0.namespace = SimulatedWorld.namespace
            $0.activityID = self.activityID
            $0.activityType.name = "script"
            $0.taskQueue.name = script.taskQueue ?? ScriptedWorker.taskQueue
            $0.input = Payloads(text: script.text)
            $0.requestID = self.caller.uuid()
            $0.identity = "client"
            $0.startToCloseTimeout = WorkflowProgram.startToCloseTimeout.proto
            if let timeout = script.heartbeatTimeout { $0.heartbeatTimeout = timeout.proto }
            if let timeout = script.scheduleToStartTimeout {
                $0.scheduleToStartTimeout = timeout.proto
            }
            if let timeout = script.scheduleToCloseTimeout {
                $0.scheduleToCloseTimeout = timeout.proto
            }
            $0.retryPolicy = script.retryPolicy
            if self.caller.draw(0...5) == 0 {
                $0.startDelay = self.caller.draw(upTo: .seconds(10)).proto
            }
        }
    }

    func change(_ body: (inout Run) -> Void) {
        guard let last = self.runs.indices.last else { return }
        body(&self.runs[last])
    }
}

extension ActivityOutcome {
    var isSuccess: Bool { if case .result = self.value { true } else { false } }
}
