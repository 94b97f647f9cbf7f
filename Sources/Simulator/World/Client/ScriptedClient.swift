import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Drives one workflow from its start to its result, as a program that uses an SDK's client.
// Safe because a simulation has one thread.
package final class ScriptedClient: @unchecked Sendable {
    package let workflowID: String
    package let program: WorkflowProgram
    /// Signals by their name, with how often each was sent until it was acknowledged.
    package private(set) var acknowledged: [String: Int] = [:]
    /// The runs of the chain, in order, once the workflow has ended.
    package private(set) var runIDs: [String] = []

    let world: SimulatedWorld
    let caller: PatientCaller
    /// Whether somebody pauses the workflow now and then.
    let mayBePaused: Bool

    package convenience init(world: SimulatedWorld, number: Int) {
        self.init(world: world, workflowID: "workflow-\(number)", streams: "\(number)")
    }

    /// Drives a workflow that somebody else pauses.
    package convenience init(pausedIn world: SimulatedWorld, number: Int) {
        self.init(
            world: world, workflowID: "paused-\(number)", streams: "paused \(number)",
            mayBePaused: true)
    }

    /// `streams` tells its random streams from those of other clients.
    private init(
        world: SimulatedWorld, workflowID: String, streams: String, mayBePaused: Bool = false
    ) {
        self.world = world
        self.mayBePaused = mayBePaused
        self.workflowID = workflowID
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "client \(streams)"))
        var random = world.loop.generator(for: "program \(streams)")
        self.program = WorkflowProgram(seed: random.next())
    }

    /// Starts the workflow, sends its signals and what else it waits for; returns when all of
    /// that is acknowledged.
    package func run() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(10)))
        var signals = self.program.signals[...]
        // The first signal may come with the start.
        let firstSignal = self.caller.draw(0...2) == 0 ? signals.popFirst() : nil
        guard await self.start(with: firstSignal) else { return }
        for signal in signals {
            await self.world.clock.pass(
                self.caller.draw(
                    upTo: self.caller.draw(0...3) == 0 ? .seconds(120) : .milliseconds(500)))
            guard await self.send(signal) else { return }
            await self.look()
        }
        await self.end()
    }

    // The start.

    private func start(with signal: String?) async -> Bool {
        let runID: String?
        if let signal {
            let answer = await self.caller.call(
                "SignalWithStartWorkflowExecution", self.startRequest(with: signal),
                returning: SignalWithStartWorkflowExecutionResponse.self)
            runID = self.firstRunID(answer) { $0.firstExecutionRunID }
            self.acknowledged[signal] = answer.attempts
        } else {
            let answer = await self.caller.call(
                "StartWorkflowExecution", self.startRequest(),
                returning: StartWorkflowExecutionResponse.self)
            runID = self.firstRunID(answer) { $0.runID }
        }
        guard let runID else { return false }
        self.runIDs = [runID]
        self.world.loop.record("\(self.workflowID) started as \(runID)")
        return true
    }

    private func startRequest() -> StartWorkflowExecutionRequest {
        .with {
            $0.namespace = SimulatedWorld.namespace
            $0.workflowID = self.workflowID
            $0.workflowType.name = "program"
            $0.taskQueue.name = ScriptedWorker.taskQueue
            $0.input = Payloads(text: ProgramInput(seed: self.program.seed).text)
            $0.requestID = self.caller.uuid()
            $0.workflowIDReusePolicy = .rejectDuplicate
            $0.identity = "client"
            if let delay = self.program.startDelay { $0.workflowStartDelay = delay.proto }
            if let policy = self.program.retryPolicy { $0.retryPolicy = policy }
            if let timeout = self.program.ending.runTimeout {
                $0.workflowRunTimeout = timeout.proto
            }
        }
    }

    private func startRequest(with signal: String) -> SignalWithStartWorkflowExecutionRequest {
        let start = self.startRequest()
        return .with {
            $0.namespace = start.namespace
            $0.workflowID = start.workflowID
            $0.workflowType = start.workflowType
            $0.taskQueue = start.taskQueue
            $0.input = start.input
            $0.requestID = start.requestID
            $0.workflowIDReusePolicy = start.workflowIDReusePolicy
            $0.identity = start.identity
            $0.signalName = "note"
            $0.signalInput = Payloads(text: signal)
            if start.hasWorkflowStartDelay { $0.workflowStartDelay = start.workflowStartDelay }
        }
    }

    private func firstRunID<Response: Sendable>(
        _ answer: PatientCaller.Answer<Response>, in response: (Response) -> String
    ) -> String? {
        switch answer.result {
        case .success(let success):
            return response(success)
        case .failure(let error):
            // An earlier try got through, and the chain has gone on to a run of another request.
            if answer.attempts > 1,
                case .workflowExecutionAlreadyStarted(_, _, let firstRunID) = error.kind
            {
                self.world.marks.reached("client.startedBefore")
                return firstRunID.rawValue
            }
            self.world.fail("the start of \(self.workflowID) was answered \(error)")
            return nil
        }
    }

    // Signals, and the end from outside.

    private func send(_ signal: String) async -> Bool {
        let answer = await self.caller.call(
            "SignalWorkflowExecution",
            SignalWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution.workflowID = self.workflowID
                $0.signalName = "note"
                $0.input = Payloads(text: signal)
                $0.requestID = self.caller.uuid()
                $0.identity = "client"
            }, returning: SignalWorkflowExecutionResponse.self)
        switch answer.result {
        case .success:
            break
        case .failure(let error) where self.world.mayHaveHappened(error, answer.attempts):
            // An earlier try got through, and the workflow has ended with it.
            self.world.marks.reached("client.signalAfterTheEnd")
        case .failure(let error):
            self.world.fail("\(signal) to \(self.workflowID) was answered \(error)")
            return false
        }
        self.acknowledged[signal] = answer.attempts
        self.world.loop.record("\(self.workflowID) took \(signal)")
        return true
    }

    /// Ends a workflow that waits for it.
    private func end() async {
        switch self.program.ending {
        case .isCanceled: await self.requestCancel()
        case .isTerminated: await self.terminate()
        case .completes, .fails, .succeeds, .exhausts, .timesOut: break
        }
    }

    private func requestCancel() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(60)))
        let answer = await self.caller.call(
            "RequestCancelWorkflowExecution",
            RequestCancelWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution.workflowID = self.workflowID
                $0.firstExecutionRunID = self.caller.draw(0...1) == 0 ? self.runIDs[0] : ""
                $0.requestID = self.caller.uuid()
                $0.reason = "the program says so"
                $0.identity = "client"
            }, returning: RequestCancelWorkflowExecutionResponse.self)
        if case .failure(let error) = answer.result {
            self.world.fail("the cancel of \(self.workflowID) was answered \(error)")
        }
        self.world.loop.record("\(self.workflowID) is to be cancelled")
    }

    private func terminate() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(60)))
        let answer = await self.caller.call(
            "TerminateWorkflowExecution",
            TerminateWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution.workflowID = self.workflowID
                $0.firstExecutionRunID = self.caller.draw(0...1) == 0 ? self.runIDs[0] : ""
                $0.reason = self.program.end.text
                $0.identity = "client"
            }, returning: TerminateWorkflowExecutionResponse.self)
        switch answer.result {
        case .success: break
        case .failure(let error) where self.world.mayHaveHappened(error, answer.attempts): break
        case .failure(let error):
            self.world.fail("terminating \(self.workflowID) was answered \(error)")
        }
        self.world.loop.record("\(self.workflowID) is terminated")
    }

    // The result.

    /// Waits for the workflow's end, run by run, and compares its end with the program's.
    package func awaitResult() async {
        var token = Data()
        while let runID = self.runIDs.last {
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
            guard let event = page.history.events.last else { continue }
            guard event.nextRunID.isEmpty else {
                self.runIDs.append(event.nextRunID)
                token = Data()
                continue
            }
            return self.ended(ProgramEnd(event))
        }
    }

    private func ended(_ end: ProgramEnd?) {
        let name = end.map { "\($0)" } ?? "no close event"
        self.world.loop.record("\(self.workflowID) ended, \(name)")
        if end != self.program.end {
            self.world.fail(
                "\(self.workflowID) ended \"\(name)\" instead of \"\(self.program.end)\"")
        }
    }

    /// The whole history of each run of the chain.
    package func histories() async -> [[HistoryEvent]] {
        var histories: [[HistoryEvent]] = []
        for runID in self.runIDs {
            switch await self.caller.history(of: self.workflowID, runID) {
            case .success(let events): histories.append(events)
            case .failure(let error):
                self.world.fail("the history of \(self.workflowID) was answered \(error)")
                return []
            }
        }
        return histories
    }
}
