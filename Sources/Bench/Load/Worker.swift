import BenchConnections
import SwiftProtobuf
import TemporalAPI

/// A minimal worker: answers workflow tasks, activity tasks and queries without an SDK.
///
/// Like SDKs it keeps the runs it works on, and has their next tasks sent to a queue of its own.
struct Worker: Sendable {
    let namespace: String
    let taskQueue: String
    let connection: Connection
    /// How many polls of each kind wait at once.
    let pollerCount: Int
    let measurements: Measurements
    let states = StateCache(sizeMax: 10_000)

    private static let identity = "temporal-bench-worker"
    private var stickyQueue: TaskQueue {
        .with {
            $0.name = "\(self.taskQueue)-sticky"
            $0.kind = .sticky
            $0.normalName = self.taskQueue
        }
    }

    /// Works until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for number in 0..<self.pollerCount {
                group.addTask { await self.pollWorkflowTasks(sticky: number % 2 == 1) }
                group.addTask { await self.pollActivityTasks() }
            }
        }
    }

    private func pollWorkflowTasks(sticky: Bool) async {
        let request = PollWorkflowTaskQueueRequest.with {
            $0.namespace = self.namespace
            $0.identity = Self.identity
            if sticky {
                $0.taskQueue = self.stickyQueue
            } else {
                $0.taskQueue.name = self.taskQueue
            }
        }
        await self.forever(answering: { try await self.answer($0) }) {
            let task = try await self.connection.call(
                WorkflowService.pollWorkflowTask, request, timeout: .seconds(70))
            return task.taskToken.isEmpty ? nil : task
        }
    }

    private func pollActivityTasks() async {
        let request = PollActivityTaskQueueRequest.with {
            $0.namespace = self.namespace
            $0.identity = Self.identity
            $0.taskQueue.name = self.taskQueue
        }
        await self.forever(answering: { try await self.answer($0) }) {
            let task = try await self.connection.call(
                WorkflowService.pollActivityTask, request, timeout: .seconds(70))
            return task.taskToken.isEmpty ? nil : task
        }
    }

    /// Polls again as soon as a task has come, while that one is answered.
    private func forever<Task: Sendable>(
        answering answer: @escaping @Sendable (Task) async throws -> Void,
        polling poll: @escaping @Sendable () async throws -> Task?
    ) async {
        await withDiscardingTaskGroup { group in
            while !_Concurrency.Task.isCancelled {
                do {
                    guard let task = try await poll() else { continue }
                    group.addTask { await self.measured { try await answer(task) } }
                } catch {
                    // A poll that the end of the load has cut off is no failure.
                    guard !_Concurrency.Task.isCancelled else { return }
                    self.measurements.record(error)
                    try? await _Concurrency.Task.sleep(for: .milliseconds(100))
                }
            }
        }
    }

    private func measured(_ work: () async throws -> Void) async {
        do {
            try await work()
        } catch {
            if !Task.isCancelled { self.measurements.record(error) }
        }
    }

    private func answer(_ task: PollActivityTaskQueueResponse) async throws {
        let request = RespondActivityTaskCompletedRequest.with {
            $0.namespace = self.namespace
            $0.taskToken = task.taskToken
            $0.identity = Self.identity
            $0.result = Payloads(json: "0")
        }
        _ = try await self.connection.call(WorkflowService.completeActivityTask, request)
    }

    private func answer(_ task: PollWorkflowTaskQueueResponse) async throws {
        let runID = task.workflowExecution.runID
        var events = task.history.events
        var state = self.states.take(runID)
        if state == nil || events.first?.eventID == 1 {
            if events.first?.eventID != 1 || !task.nextPageToken.isEmpty {
                events = try await self.wholeHistory(task.workflowExecution)
            }
            state = events.first.flatMap { WorkflowState($0) }
        }
        guard var state else { throw UnexpectedAnswer("a task of a workflow of another load") }
        state.apply(events)
        if task.hasQuery {
            try await self.answerQuery(task, state)
        } else {
            try await self.complete(task, state)
        }
        self.states.put(state, runID)
    }

    private func answerQuery(
        _ task: PollWorkflowTaskQueueResponse, _ state: WorkflowState
    ) async throws {
        let request = RespondQueryTaskCompletedRequest.with {
            $0.namespace = self.namespace
            $0.taskToken = task.taskToken
            $0.completedType = .answered
            $0.queryResult = state.answer
        }
        _ = try await self.connection.call(WorkflowService.completeQueryTask, request)
    }

    private func complete(
        _ task: PollWorkflowTaskQueueResponse, _ state: WorkflowState
    ) async throws {
        let updates = try UpdateMessages(to: task.messages, answer: state.answer)
        let request = RespondWorkflowTaskCompletedRequest.with {
            $0.namespace = self.namespace
            $0.taskToken = task.taskToken
            $0.identity = Self.identity
            $0.messages = updates.messages
            $0.commands = updates.commands + state.commands(on: self.taskQueue)
            $0.stickyAttributes.workerTaskQueue = self.stickyQueue
            $0.stickyAttributes.scheduleToStartTimeout.seconds = 5
            $0.queryResults = task.queries.mapValues { _ in
                .with {
                    $0.resultType = .answered
                    $0.answer = state.answer
                }
            }
        }
        _ = try await self.connection.call(WorkflowService.completeWorkflowTask, request)
    }

    private func wholeHistory(_ execution: WorkflowExecution) async throws -> [HistoryEvent] {
        var request = GetWorkflowExecutionHistoryRequest.with {
            $0.namespace = self.namespace
            $0.execution = execution
        }
        var events: [HistoryEvent] = []
        repeat {
            let page = try await self.connection.call(WorkflowService.history, request)
            events += page.history.events
            request.nextPageToken = page.nextPageToken
        } while !request.nextPageToken.isEmpty
        return events
    }
}
