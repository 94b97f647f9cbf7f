import BenchConnections
import FoundationEssentials
import SwiftProtobuf
import TemporalAPI

/// Calls of the load: starts, signals, queries, updates, and waiting for ends.
struct Client: Sendable {
    let namespace: String
    let taskQueue: String
    /// Tells the workflows of this run of the generator from those of others.
    let prefix: String
    private let connections: [Connection]

    init(namespace: String, taskQueue: String, prefix: String, connections: [Connection]) {
        self.namespace = namespace
        self.taskQueue = taskQueue
        self.prefix = prefix
        self.connections = connections
    }

    func workflowID(_ number: Int) -> String { "\(self.prefix)-\(number)" }

    /// Starts the workflow of this number; its program is `program`.
    func start(_ number: Int, _ program: Program) async throws {
        let id = self.workflowID(number)
        let request = StartWorkflowExecutionRequest.with {
            $0.namespace = self.namespace
            $0.workflowID = id
            $0.workflowType.name = program.name
            $0.taskQueue.name = self.taskQueue
            $0.input = program.input
            $0.identity = "temporal-bench"
            $0.requestID = id
        }
        _ = try await self.connection(number).call(WorkflowService.start, request)
    }

    func signal(_ number: Int) async throws {
        let request = SignalWorkflowExecutionRequest.with {
            $0.namespace = self.namespace
            $0.workflowExecution.workflowID = self.workflowID(number)
            $0.signalName = "go"
            $0.identity = "temporal-bench"
            // A signal that is sent again is the same one.
            $0.requestID = UUID().uuidString
        }
        _ = try await self.connection(number).call(WorkflowService.signal, request)
    }

    func query(_ number: Int) async throws {
        let request = QueryWorkflowRequest.with {
            $0.namespace = self.namespace
            $0.execution.workflowID = self.workflowID(number)
            $0.query.queryType = "state"
        }
        let answer = try await self.connection(number).call(WorkflowService.query, request)
        guard answer.hasQueryResult else { throw UnexpectedAnswer("a query had no result") }
    }

    /// Sends an update to the workflow and waits until it is completed; its id must be new there.
    func update(_ number: Int, _ updateID: String) async throws {
        let request = UpdateWorkflowExecutionRequest.with {
            $0.namespace = self.namespace
            $0.workflowExecution.workflowID = self.workflowID(number)
            $0.waitPolicy.lifecycleStage = .completed
            $0.request.meta.identity = "temporal-bench"
            $0.request.meta.updateID = updateID
            $0.request.input.name = "change"
        }
        while true {
            let answer = try await self.connection(number).call(WorkflowService.update, request)
            switch answer.outcome.value {
            case .success: return
            case .failure: throw UnexpectedAnswer("an update failed")
            // The server has waited long enough for now.
            case nil: continue
            }
        }
    }

    /// Waits until the workflow has completed.
    func awaitEnd(_ number: Int) async throws {
        var request = GetWorkflowExecutionHistoryRequest.with {
            $0.namespace = self.namespace
            $0.execution.workflowID = self.workflowID(number)
            $0.waitNewEvent = true
            $0.historyEventFilterType = .closeEvent
        }
        while true {
            let page = try await self.connection(number).call(
                WorkflowService.history, request, timeout: .seconds(70))
            if let end = page.history.events.last {
                guard end.eventType == .workflowExecutionCompleted else {
                    throw UnexpectedAnswer("a workflow ended with \(end.eventType)")
                }
                return
            }
            request.nextPageToken = page.nextPageToken
        }
    }

    func ping(_ number: Int) async throws { try await self.connection(number).ping() }

    /// Asks for the namespace: the least that takes a role in it.
    func describe(_ number: Int) async throws {
        let request = DescribeNamespaceRequest.with {
            $0.namespace = self.namespace
            $0.weakConsistency = true
        }
        let answer = try await self.connection(number).call(
            WorkflowService.describeNamespace, request)
        guard answer.namespaceInfo.name == self.namespace else {
            throw UnexpectedAnswer("another namespace was described")
        }
    }

    func terminate(_ number: Int) async throws {
        let request = TerminateWorkflowExecutionRequest.with {
            $0.namespace = self.namespace
            $0.workflowExecution.workflowID = self.workflowID(number)
            $0.reason = "the load has ended"
        }
        _ = try await self.connection(number).call(WorkflowService.terminate, request)
    }

    private func connection(_ number: Int) -> Connection {
        self.connections[number % self.connections.count]
    }
}

/// An answer that a correct server does not give.
struct UnexpectedAnswer: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension Connection {
    /// Makes a call for which the server has nothing to do.
    func ping() async throws {
        _ = try await self.call(WorkflowService.systemInfo, GetSystemInfoRequest())
    }
}
