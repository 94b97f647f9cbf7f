import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// Starts a workflow, wants to be told of its end, and sees that everybody is told who asked.
// Safe because a simulation has one thread.
package final class CallbackClient: @unchecked Sendable {
    package let workflowID: String
    package private(set) var runID = ""
    /// Everybody who is to be told.
    package private(set) var urls: [String] = []

    private let world: SimulatedWorld
    private let caller: PatientCaller
    private let end: ProgramEnd

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.workflowID = "watched-\(number)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "watched \(number)"))
        switch self.caller.draw(0...3) {
        case 0: self.end = ProgramEnd(.terminated, "enough")
        case 1: self.end = ProgramEnd(.canceled, "")
        case 2: self.end = ProgramEnd(.failed, "fail")
        default: self.end = ProgramEnd(.completed, "done")
        }
    }

    package func run() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(60)))
        guard await self.start(attaching: false) else { return }
        for _ in 0..<self.caller.draw(0...2) {
            await self.world.clock.pass(self.caller.draw(upTo: .seconds(10)))
            guard await self.start(attaching: true) else { return }
        }
        guard await self.bringAbout() else { return }
        await self.awaitDeliveries()
    }

    /// What each of its callbacks must be told.
    package var expectedState: String {
        switch self.end.status {
        case .completed: "succeeded"
        case .canceled: "canceled"
        default: "failed"
        }
    }

    private func start(attaching: Bool) async -> Bool {
        let new = (1...self.caller.draw(1...2)).map {
            "http://\(CallbackReceiver.host)/\(self.workflowID)/\(self.urls.count + $0)"
        }
        let answer = await self.caller.call(
            "StartWorkflowExecution",
            StartWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = self.workflowID
                $0.workflowType.name = "idler"
                $0.taskQueue.name = ScriptedWorker.taskQueue
                $0.requestID = self.caller.uuid()
                $0.completionCallbacks = new.map { url in .with { $0.nexus.url = url } }
                guard attaching else { return }
                $0.workflowIDConflictPolicy = .useExisting
                $0.onConflictOptions.attachRequestID = true
                $0.onConflictOptions.attachCompletionCallbacks = true
            }, returning: StartWorkflowExecutionResponse.self)
        guard case .success(let response) = answer.result else {
            self.world.fail("starting \(self.workflowID) was answered \(answer.result)")
            return false
        }
        self.runID = response.runID
        self.urls += new
        return true
    }

    private func bringAbout() async -> Bool {
        let error: ServiceError?
        switch self.end.status {
        case .terminated:
            error = await self.send(
                "TerminateWorkflowExecution",
                TerminateWorkflowExecutionRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.workflowExecution.workflowID = self.workflowID
                    $0.reason = self.end.text
                }, returning: TerminateWorkflowExecutionResponse.self)
        case .canceled:
            error = await self.send(
                "RequestCancelWorkflowExecution",
                RequestCancelWorkflowExecutionRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.workflowExecution.workflowID = self.workflowID
                    $0.requestID = self.caller.uuid()
                }, returning: RequestCancelWorkflowExecutionResponse.self)
        default:
            error = await self.send(
                "SignalWorkflowExecution",
                SignalWorkflowExecutionRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.workflowExecution.workflowID = self.workflowID
                    $0.signalName = "end"
                    $0.input = Payloads(text: self.end.text)
                    $0.requestID = self.caller.uuid()
                }, returning: SignalWorkflowExecutionResponse.self)
        }
        guard let error else { return true }
        self.world.fail("ending \(self.workflowID) was answered \(error)")
        return false
    }

    private func send<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
        _ method: String, _ request: Request, returning: Response.Type
    ) async -> ServiceError? {
        let answer = await self.caller.call(method, request, returning: returning)
        guard case .failure(let error) = answer.result,
            !self.world.mayHaveHappened(error, answer.attempts)
        else { return nil }
        return error
    }

    /// Waits until the server says that everybody has been told.
    private func awaitDeliveries() async {
        while true {
            await self.world.clock.pass(.seconds(5))
            guard
                case .success(let response) = await self.caller.description(
                    of: self.workflowID, self.runID)
            else { return self.world.fail("\(self.workflowID) cannot be described") }
            let callbacks = response.callbacks
            guard callbacks.map(\.callback.nexus.url) == self.urls else {
                return self.world.fail("\(self.workflowID) has other callbacks than it was given")
            }
            if callbacks.contains(where: { $0.state == .failed }) {
                return self.world.fail("a callback of \(self.workflowID) was given up")
            }
            if callbacks.allSatisfy({ $0.state == .succeeded }) { return }
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
}
