import FoundationEssentials
import Primitives
import SwiftProtobuf
import TemporalAPI

// Workflows that wait for a signal which ends them, and what else many clients do.
extension PatientCaller {
    /// Registers a namespace, unless it is registered already.
    /// - Returns: why it is not there.
    func register(_ namespace: String) async -> ServiceError? {
        let answer = await self.call(
            "RegisterNamespace",
            RegisterNamespaceRequest.with {
                $0.namespace = namespace
                $0.workflowExecutionRetentionPeriod = SimulatedWorld.retention.proto
            }, returning: RegisterNamespaceResponse.self)
        guard case .failure(let error) = answer.result, error.kind != .namespaceAlreadyExists
        else { return nil }
        return error
    }

    /// Starts a workflow that waits; or another one, as `edit` says.
    func start(
        _ workflowID: String, type: String = "idler",
        _ edit: (inout StartWorkflowExecutionRequest) -> Void = { _ in }
    ) async -> Result<StartWorkflowExecutionResponse, ServiceError> {
        var request = StartWorkflowExecutionRequest.with {
            $0.namespace = SimulatedWorld.namespace
            $0.workflowID = workflowID
            $0.workflowType.name = type
            $0.taskQueue.name = ScriptedWorker.taskQueue
            $0.requestID = self.uuid()
            $0.identity = "client"
        }
        edit(&request)
        let answer = await self.call(
            "StartWorkflowExecution", request, returning: StartWorkflowExecutionResponse.self)
        return answer.result
    }

    func signal(
        _ workflowID: String, _ runID: String, _ name: String, _ text: String
    ) async -> Answer<SignalWorkflowExecutionResponse> {
        await self.call(
            "SignalWorkflowExecution",
            SignalWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution = WorkflowExecution(workflowID, runID)
                $0.signalName = name
                $0.input = Payloads(text: text)
                $0.requestID = self.uuid()
                $0.identity = "client"
            })
    }

    func requestCancel(
        _ workflowID: String, _ runID: String = ""
    ) async -> Answer<RequestCancelWorkflowExecutionResponse> {
        await self.call(
            "RequestCancelWorkflowExecution",
            RequestCancelWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution = WorkflowExecution(workflowID, runID)
                $0.requestID = self.uuid()
                $0.identity = "client"
            })
    }

    func terminate(
        _ workflowID: String, _ runID: String, _ reason: String
    ) async -> Answer<TerminateWorkflowExecutionResponse> {
        await self.call(
            "TerminateWorkflowExecution",
            TerminateWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.workflowExecution = WorkflowExecution(workflowID, runID)
                $0.reason = reason
                $0.identity = "client"
            })
    }

    /// Waits for the end of the current run and of those that go on from it.
    func chainEnd(of workflowID: String) async -> Result<HistoryEvent, ServiceError> {
        var runID = ""
        while true {
            let result = await self.closeEvent(of: workflowID, runID)
            guard case .success(let event) = result, !event.nextRunID.isEmpty else { return result }
            runID = event.nextRunID
        }
    }

    /// Every run of a workflow id with its history, in the order they began.
    func runs(of workflowID: String) async -> Result<[RunInspector.Run], ServiceError> {
        let infos: [WorkflowExecutionInfo]
        switch await self.list("WorkflowId = '\(workflowID)'") {
        case .success(let listed): infos = listed
        case .failure(let error): return .failure(error)
        }
        var runs: [RunInspector.Run] = []
        for info in infos.sorted(by: { Timestamp($0.startTime) < Timestamp($1.startTime) }) {
            switch await self.history(of: workflowID, info.execution.runID) {
            case .success(let events):
                runs.append(RunInspector.Run(id: info.execution.runID, events: events))
            case .failure(let error):
                return .failure(error)
            }
        }
        return .success(runs)
    }
}
