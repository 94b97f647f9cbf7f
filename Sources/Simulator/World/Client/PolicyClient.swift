import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Starts one workflow id again and again, under every policy, and knows what each answer must be.
///
/// It alone touches that id, one call after another.
// Safe because a simulation has one thread.
package final class PolicyClient: @unchecked Sendable {
    package typealias Reuse = Temporal_Api_Enums_V1_WorkflowIdReusePolicy
    package typealias Conflict = Temporal_Api_Enums_V1_WorkflowIdConflictPolicy

    package let workflowID: String
    /// Every run that was started, in order, with the end it must have come to.
    package private(set) var runs: [(id: String, end: ProgramEnd?)] = []

    private let world: SimulatedWorld
    private let caller: PatientCaller
    private let roundCount: Int

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.workflowID = "idler-\(number)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "idler \(number)"))
        self.roundCount = self.caller.draw(2...8)
    }

    /// The end of the current run; nil while it is open or if there is none.
    private var isOpen: Bool { self.runs.last.map { $0.end == nil } ?? false }

    package func run() async {
        for _ in 0..<self.roundCount {
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(20)))
            await self.tryToStart()
            if self.isOpen, self.caller.draw(0...1) == 0 { await self.end() }
        }
        if self.isOpen { await self.end() }
    }

    // Starts.

    /// What a start under these policies must lead to.
    private enum Expected: Equatable { case newRun, currentRun, refusal }

    private func expected(_ reuse: Reuse, _ conflict: Conflict) -> Expected {
        guard let last = self.runs.last else { return .newRun }
        guard let end = last.end else {
            if reuse == .terminateIfRunning { return .newRun }
            switch conflict {
            case .useExisting: return .currentRun
            case .terminateExisting: return .newRun
            default: return .refusal
            }
        }
        switch reuse {
        case .rejectDuplicate: return .refusal
        case .allowDuplicateFailedOnly: return end.status == .completed ? .refusal : .newRun
        default: return .newRun
        }
    }

    private func drawPolicies(signaling: Bool) -> (Reuse, Conflict) {
        let reuses: [Reuse] = [
            .unspecified, .allowDuplicate, .allowDuplicateFailedOnly, .rejectDuplicate,
            .terminateIfRunning,
        ]
        let reuse = reuses[self.caller.draw(0...reuses.count - 1)]
        if reuse == .terminateIfRunning { return (reuse, .unspecified) }
        var conflicts: [Conflict] = [.useExisting]
        if !signaling { conflicts += [.unspecified, .fail] }
        if reuse != .rejectDuplicate { conflicts.append(.terminateExisting) }
        return (reuse, conflicts[self.caller.draw(0...conflicts.count - 1)])
    }

    private func tryToStart() async {
        let signaling = self.caller.draw(0...3) == 0
        let (reuse, conflict) = self.drawPolicies(signaling: signaling)
        let expected = self.expected(reuse, conflict)
        let request = self.startRequest(reuse, conflict)
        let answer =
            signaling ? await self.signalWithStart(request) : await self.start(request)
        self.world.loop.record(
            "\(self.workflowID) under \(reuse) and \(conflict): \(expected)")
        switch answer {
        case .success(let runID):
            self.started(runID, expected, "\(reuse) and \(conflict)")
        case .failure(let error):
            guard expected == .refusal,
                case .workflowExecutionAlreadyStarted(_, let runID, _) = error.kind,
                runID.rawValue == self.runs.last?.id
            else {
                return self.world.fail(
                    "starting \(self.workflowID) under \(reuse) and \(conflict) was answered \(error)"
                )
            }
        }
    }

    private func started(_ runID: String, _ expected: Expected, _ policies: String) {
        let isCurrent = runID == self.runs.last?.id
        guard expected != .refusal, isCurrent == (expected == .currentRun) else {
            return self.world.fail(
                "starting \(self.workflowID) under \(policies) led to another run than expected")
        }
        guard expected == .newRun else { return }
        if self.isOpen {
            self.close(ProgramEnd(.terminated, "TerminateIfRunning WorkflowIdReusePolicy"))
        }
        self.runs.append((id: runID, end: nil))
    }

    private func close(_ end: ProgramEnd) {
        guard let last = self.runs.indices.last else { return }
        self.runs[last].end = end
    }

    private func startRequest(
        _ reuse: Reuse, _ conflict: Conflict
    ) -> StartWorkflowExecutionRequest {
        .with {
            $0.namespace = SimulatedWorld.namespace
            $0.workflowID = self.workflowID
            $0.workflowType.name = "idler"
            $0.taskQueue.name = ScriptedWorker.taskQueue
            $0.requestID = self.caller.uuid()
            $0.workflowIDReusePolicy = reuse
            $0.workflowIDConflictPolicy = conflict
            $0.identity = "client"
            $0.memo.fields["note"] = .json("started")
            $0.searchAttributes.indexedFields[WorkflowProgram.attribute] = .json("somebody")
            if self.caller.draw(0...5) == 0 {
                $0.workflowStartDelay = self.caller.draw(upTo: .seconds(10)).proto
            }
        }
    }

    private func start(
        _ request: StartWorkflowExecutionRequest
    ) async -> Result<String, ServiceError> {
        let answer = await self.caller.call(
            "StartWorkflowExecution", request, returning: StartWorkflowExecutionResponse.self)
        return answer.result.map(\.runID)
    }

    private func signalWithStart(
        _ start: StartWorkflowExecutionRequest
    ) async -> Result<String, ServiceError> {
        let request = SignalWithStartWorkflowExecutionRequest.with {
            $0.namespace = start.namespace
            $0.workflowID = start.workflowID
            $0.workflowType = start.workflowType
            $0.taskQueue = start.taskQueue
            $0.requestID = start.requestID
            $0.workflowIDReusePolicy = start.workflowIDReusePolicy
            $0.workflowIDConflictPolicy = start.workflowIDConflictPolicy
            $0.identity = start.identity
            $0.memo = start.memo
            $0.searchAttributes = start.searchAttributes
            $0.signalName = "knock"
        }
        let answer = await self.caller.call(
            "SignalWithStartWorkflowExecution", request,
            returning: SignalWithStartWorkflowExecutionResponse.self)
        return answer.result.map(\.runID)
    }

    // Ends.

    private func end() async {
        guard let runID = self.runs.last?.id else { return }
        let end: ProgramEnd
        switch self.caller.draw(0...4) {
        case 0: end = ProgramEnd(.canceled, "")
        case 1: end = ProgramEnd(.terminated, "the client says so")
        case 2: end = ProgramEnd(.failed, "fail")
        default: end = ProgramEnd(.completed, "done")
        }
        let error: ServiceError?
        switch end.status {
        case .canceled: error = await self.cancel(runID)
        case .terminated: error = await self.terminate(runID, end.text)
        default: error = await self.signal(end.text, runID)
        }
        if let error {
            return self.world.fail("ending \(self.workflowID) was answered \(error)")
        }
        await self.awaitEnd(of: runID)
        self.close(end)
    }

    private func cancel(_ runID: String) async -> ServiceError? {
        let answer = await self.caller.call(
            "RequestCancelWorkflowExecution",
            RequestCancelWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution.workflowID = self.workflowID
                $0.workflowExecution.runID = runID
                $0.requestID = self.caller.uuid()
            }, returning: RequestCancelWorkflowExecutionResponse.self)
        guard case .failure(let error) = answer.result else { return nil }
        return error
    }

    private func terminate(_ runID: String, _ reason: String) async -> ServiceError? {
        let answer = await self.caller.call(
            "TerminateWorkflowExecution",
            TerminateWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution.workflowID = self.workflowID
                $0.workflowExecution.runID = runID
                $0.reason = reason
            }, returning: TerminateWorkflowExecutionResponse.self)
        guard case .failure(let error) = answer.result else { return nil }
        return self.world.mayHaveHappened(error, answer.attempts) ? nil : error
    }

    private func signal(_ text: String, _ runID: String) async -> ServiceError? {
        let answer = await self.caller.call(
            "SignalWorkflowExecution",
            SignalWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution.workflowID = self.workflowID
                $0.workflowExecution.runID = runID
                $0.signalName = "end"
                $0.input = Payloads(text: text)
                $0.requestID = self.caller.uuid()
            }, returning: SignalWorkflowExecutionResponse.self)
        guard case .failure(let error) = answer.result else { return nil }
        return self.world.mayHaveHappened(error, answer.attempts) ? nil : error
    }

    private func awaitEnd(of runID: String) async {
        var token = Data()
        while true {
            let answer = await self.caller.call(
                "GetWorkflowExecutionHistory",
                GetWorkflowExecutionHistoryRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.execution.workflowID = self.workflowID
                    $0.execution.runID = runID
                    $0.waitNewEvent = true
                    $0.historyEventFilterType = .closeEvent
                    $0.nextPageToken = token
                }, timeout: .seconds(60), returning: GetWorkflowExecutionHistoryResponse.self)
            guard case .success(let page) = answer.result else {
                return self.world.fail(
                    "waiting for \(self.workflowID) was answered \(answer.result)")
            }
            token = page.nextPageToken
            if !page.history.events.isEmpty { return }
        }
    }

    /// Every run with its history.
    package func histories() async -> [RunInspector.Run] {
        var runs: [RunInspector.Run] = []
        for (runID, _) in self.runs {
            switch await self.caller.history(of: self.workflowID, runID) {
            case .success(let events): runs.append(RunInspector.Run(id: runID, events: events))
            case .failure(let error):
                self.world.fail("the history of \(self.workflowID) was answered \(error)")
            }
        }
        return runs
    }
}
