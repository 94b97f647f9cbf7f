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

    private let world: SimulatedWorld
    private let caller: PatientCaller

    package init(world: SimulatedWorld, number: Int) {
        self.world = world
        self.workflowID = "workflow-\(number)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "client \(number)"))
        var random = world.loop.generator(for: "program \(number)")
        self.program = WorkflowProgram(seed: random.next())
    }

    /// Starts the workflow and sends its signals; returns when all are acknowledged.
    package func run() async {
        await self.world.clock.pass(self.caller.draw(upTo: .seconds(10)))
        guard await self.start() else { return }
        for signal in self.program.signals {
            await self.world.clock.pass(
                self.caller.draw(
                    upTo: self.caller.draw(0...3) == 0 ? .seconds(120) : .milliseconds(500)))
            guard await self.send(signal) else { return }
            if self.caller.draw(0...3) == 0 { await self.query() }
        }
    }

    private func start() async -> Bool {
        let answer = await self.caller.call(
            "StartWorkflowExecution",
            StartWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowID = self.workflowID
                $0.workflowType.name = "program"
                $0.taskQueue.name = ScriptedWorker.taskQueue
                $0.input = Payloads(text: ProgramInput(seed: self.program.seed).text)
                $0.requestID = self.caller.uuid()
                $0.workflowIDReusePolicy = .rejectDuplicate
                $0.identity = "client"
            }, returning: StartWorkflowExecutionResponse.self)
        guard let runID = self.firstRunID(answer) else { return false }
        self.runIDs = [runID]
        self.world.loop.record("\(self.workflowID) started as \(runID)")
        return true
    }

    private func firstRunID(
        _ answer: PatientCaller.Answer<StartWorkflowExecutionResponse>
    ) -> String? {
        switch answer.result {
        case .success(let response):
            return response.runID
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
        case .failure(let error) where error.kind == .notFound && answer.attempts > 1:
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

    /// Asks how many signals the workflow has seen: those acknowledged before must be among them.
    private func query() async {
        let atLeast = self.acknowledged.count
        let answer: Result<QueryWorkflowResponse, ServiceError>
        do throws(ServiceError) {
            answer = .success(
                try await self.caller.connection.call(
                    "QueryWorkflow",
                    QueryWorkflowRequest.with {
                        $0.namespace = SimulatedWorld.namespace
                        $0.execution.workflowID = self.workflowID
                        $0.query.queryType = "signals"
                    }, timeout: .seconds(30)))
        } catch {
            answer = .failure(error)
        }
        switch answer {
        case .success(let response):
            let count = Int(response.queryResult.text) ?? -1
            self.world.loop.record("\(self.workflowID) answered a query: \(count)")
            self.world.marks.reached("client.queryAnswered")
            guard (atLeast...self.program.signalCount).contains(count) else {
                return self.world.fail(
                    "\(self.workflowID) saw \(count) signals, \(atLeast) were acknowledged")
            }
        case .failure(let error):
            // Queries are answered by workers, who may be away or not have begun.
            let expected: [ServiceError.Kind] = [.workflowNotReady, .failedPrecondition]
            guard error.isWorthAnotherTry || expected.contains(error.kind) else {
                return self.world.fail(
                    "a query of \(self.workflowID) was answered \(error)")
            }
            self.world.marks.reached("client.queryUnanswered")
        }
    }

    /// Waits for the workflow's end, run by run, and compares its result with the program's.
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
            switch event.attributes {
            case .workflowExecutionContinuedAsNewEventAttributes(let continued):
                self.runIDs.append(continued.newExecutionRunID)
                token = Data()
            case .workflowExecutionCompletedEventAttributes(let completed):
                return self.ended(completed.result.text)
            default:
                return self.world.fail("\(self.workflowID) ended with \(event.eventType)")
            }
        }
    }

    private func ended(_ result: String) {
        self.world.loop.record("\(self.workflowID) ended: \(result)")
        guard result == self.program.result else {
            return self.world.fail(
                "\(self.workflowID) ended with \"\(result)\" instead of "
                    + "\"\(self.program.result)\"")
        }
    }

    /// The whole history of each run of the chain.
    package func histories() async -> [[HistoryEvent]] {
        var histories: [[HistoryEvent]] = []
        for runID in self.runIDs {
            var events: [HistoryEvent] = [], token = Data()
            repeat {
                let answer = await self.caller.call(
                    "GetWorkflowExecutionHistory",
                    GetWorkflowExecutionHistoryRequest.with {
                        $0.namespace = SimulatedWorld.namespace
                        $0.execution.workflowID = self.workflowID
                        $0.execution.runID = runID
                        $0.nextPageToken = token
                        $0.maximumPageSize = Int32(self.caller.draw(1...100))
                    }, returning: GetWorkflowExecutionHistoryResponse.self)
                guard case .success(let page) = answer.result else {
                    self.world.fail(
                        "the history of \(self.workflowID) was answered \(answer.result)")
                    return []
                }
                events += page.history.events
                token = page.nextPageToken
            } while !token.isEmpty
            histories.append(events)
        }
        return histories
    }
}
