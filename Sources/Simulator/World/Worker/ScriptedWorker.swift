import FoundationEssentials
import Primitives
import SimulationKernel
import SwiftProtobuf
import TemporalAPI

/// An SDK in miniature: polls, replays programs to find their commands, runs scripted activities.
// Safe because a simulation has one thread.
package final class ScriptedWorker: @unchecked Sendable {
    static let taskQueue = "programs"

    let world: SimulatedWorld
    let caller: PatientCaller
    let identity: String
    /// Its own queue, for runs it holds in its cache; nil if this worker keeps no cache.
    let stickyQueue: String?
    /// Whether it can forget a task that came to nothing, and the events that came with it.
    let discardsTasksWithEvents: Bool
    /// The events of runs whose last task this worker completed.
    var cache: [String: [HistoryEvent]] = [:]

    package init(world: SimulatedWorld, life: Int) {
        self.world = world
        self.identity = "worker \(life)"
        self.caller = PatientCaller(
            world.connection, world.clock, world.loop.generator(for: "worker \(life)"))
        self.stickyQueue = self.caller.draw(0...2) > 0 ? "sticky \(life)" : nil
        self.discardsTasksWithEvents = self.caller.draw(0...1) == 0
    }

    /// Starts polling; the tasks belong to the incarnation that calls this.
    package func start() {
        for _ in 0..<self.caller.draw(1...4) {
            Task { await self.pollWorkflowTasks(Self.normalQueue) }
        }
        if let name = self.stickyQueue {
            let queue = TaskQueue.with {
                $0.name = name
                $0.kind = .sticky
                $0.normalName = Self.taskQueue
            }
            for _ in 0..<self.caller.draw(1...3) {
                Task { await self.pollWorkflowTasks(queue) }
            }
        }
        for _ in 0..<self.caller.draw(1...6) {
            Task { await self.pollActivityTasks() }
        }
    }

    /// Tells the server that nobody polls its own queue any more.
    func shutDown() async {
        let answer = await self.caller.call(
            "ShutdownWorker",
            ShutdownWorkerRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.identity = self.identity
                $0.stickyTaskQueue = self.stickyQueue ?? ""
                $0.reason = "the worker was told to stop"
            }, returning: ShutdownWorkerResponse.self)
        _ = self.check(answer, of: "ShutdownWorker")
    }

    private static let normalQueue = TaskQueue.with { $0.name = ScriptedWorker.taskQueue }

    private func pollWorkflowTasks(_ queue: TaskQueue) async {
        while true {
            do throws(ServiceError) {
                let task: PollWorkflowTaskQueueResponse = try await self.caller.connection.call(
                    "PollWorkflowTaskQueue",
                    PollWorkflowTaskQueueRequest.with {
                        $0.namespace = SimulatedWorld.namespace
                        $0.taskQueue = queue
                        $0.identity = self.identity
                    }, timeout: .seconds(70))
                guard !task.taskToken.isEmpty else { continue }
                await self.work(on: task)
            } catch {
                await self.pollFailed(error)
            }
        }
    }

    private func pollActivityTasks() async {
        while true {
            do throws(ServiceError) {
                let task: PollActivityTaskQueueResponse = try await self.caller.connection.call(
                    "PollActivityTaskQueue",
                    PollActivityTaskQueueRequest.with {
                        $0.namespace = SimulatedWorld.namespace
                        $0.taskQueue = Self.normalQueue
                        $0.identity = self.identity
                    }, timeout: .seconds(70))
                guard !task.taskToken.isEmpty else { continue }
                await self.work(on: task)
            } catch {
                await self.pollFailed(error)
            }
        }
    }

    private func pollFailed(_ error: ServiceError) async {
        if !error.isWorthAnotherTry { self.world.fail("a poll was answered \(error)") }
        await self.caller.pause(4)
    }

    /// Judges the answer to a task: a task may be over already, anything else is a failure.
    func check<Response: Sendable>(
        _ answer: PatientCaller.Answer<Response>, of method: String
    ) -> Response? {
        switch answer.result {
        case .success(let response):
            return response
        case .failure(let error):
            if error.kind != .notFound { self.world.fail("\(method) was answered \(error)") }
            return nil
        }
    }
}
