import FoundationEssentials
import Primitives
import SwiftProtobuf
import TemporalAPI

extension PatientCaller {
    /// Everything that comes in pages, asked for with one token after the other.
    func pages<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message, Item>(
        _ method: String, _ request: (_ token: Data) -> Request,
        _ page: (Response) -> (items: [Item], token: Data)
    ) async -> Result<[Item], ServiceError> {
        var items: [Item] = [], token = Data()
        repeat {
            let answer = await self.call(method, request(token), returning: Response.self)
            switch answer.result {
            case .success(let response):
                let next = page(response)
                items += next.items
                token = next.token
            case .failure(let error):
                return .failure(error)
            }
        } while !token.isEmpty
        return .success(items)
    }

    /// The whole history of a run, in pages of any size.
    func history(
        of workflowID: String, _ runID: String
    ) async -> Result<[HistoryEvent], ServiceError> {
        await self.pages("GetWorkflowExecutionHistory") { token in
            GetWorkflowExecutionHistoryRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.execution = WorkflowExecution(workflowID, runID)
                $0.nextPageToken = token
                $0.maximumPageSize = Int32(self.draw(1...100))
            }
        } _: { (page: GetWorkflowExecutionHistoryResponse) in
            (page.history.events, page.nextPageToken)
        }
    }

    /// The whole history of a run, read from its end, in order.
    func historyReversed(
        of workflowID: String, _ runID: String
    ) async -> Result<[HistoryEvent], ServiceError> {
        let events = await self.pages("GetWorkflowExecutionHistoryReverse") { token in
            GetWorkflowExecutionHistoryReverseRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.execution = WorkflowExecution(workflowID, runID)
                $0.nextPageToken = token
                $0.maximumPageSize = Int32(self.draw(1...100))
            }
        } _: { (page: GetWorkflowExecutionHistoryReverseResponse) in
            (page.history.events, page.nextPageToken)
        }
        return events.map { $0.reversed() }
    }

    /// Waits for the end of a run.
    func closeEvent(
        of workflowID: String, _ runID: String
    ) async -> Result<HistoryEvent, ServiceError> {
        var token = Data()
        while true {
            let answer = await self.call(
                "GetWorkflowExecutionHistory",
                GetWorkflowExecutionHistoryRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.execution.workflowID = workflowID
                    $0.execution.runID = runID
                    $0.waitNewEvent = true
                    $0.historyEventFilterType = .closeEvent
                    $0.nextPageToken = token
                }, timeout: .seconds(60), returning: GetWorkflowExecutionHistoryResponse.self)
            switch answer.result {
            case .success(let page):
                if let event = page.history.events.last { return .success(event) }
                token = page.nextPageToken
            case .failure(let error): return .failure(error)
            }
        }
    }

    /// What a run's description says.
    func description(
        of workflowID: String, _ runID: String
    ) async -> Result<DescribeWorkflowExecutionResponse, ServiceError> {
        let answer = await self.call(
            "DescribeWorkflowExecution",
            DescribeWorkflowExecutionRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.execution.workflowID = workflowID
                $0.execution.runID = runID
            }, returning: DescribeWorkflowExecutionResponse.self)
        return answer.result
    }

    /// Every run a list query finds, in pages of any size.
    func list(_ query: String) async -> Result<[WorkflowExecutionInfo], ServiceError> {
        await self.pages("ListWorkflowExecutions") { token in
            ListWorkflowExecutionsRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.query = query
                $0.pageSize = Int32(self.draw(1...10))
                $0.nextPageToken = token
            }
        } _: { (page: ListWorkflowExecutionsResponse) in
            (page.executions, page.nextPageToken)
        }
    }

    /// How many runs a count query finds.
    func count(_ query: String) async -> Result<Int64, ServiceError> {
        let answer = await self.call(
            "CountWorkflowExecutions",
            CountWorkflowExecutionsRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.query = query
            }, returning: CountWorkflowExecutionsResponse.self)
        return answer.result.map(\.count)
    }

    /// Every activity without a workflow that a list query finds, in pages of any size.
    func listActivities(
        _ query: String
    ) async -> Result<[ActivityExecutionListInfo], ServiceError> {
        await self.pages("ListActivityExecutions") { token in
            ListActivityExecutionsRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.query = query
                $0.pageSize = Int32(self.draw(1...10))
                $0.nextPageToken = token
            }
        } _: { (page: ListActivityExecutionsResponse) in
            (page.executions, page.nextPageToken)
        }
    }

    /// Every namespace, in pages of any size.
    func listNamespaces(
        includingDeleted: Bool
    ) async -> Result<[DescribeNamespaceResponse], ServiceError> {
        await self.pages("ListNamespaces") { token in
            ListNamespacesRequest.with {
                $0.pageSize = Int32(self.draw(1...10))
                $0.nextPageToken = token
                $0.namespaceFilter.includeDeleted = includingDeleted
            }
        } _: { (page: ListNamespacesResponse) in
            (page.namespaces, page.nextPageToken)
        }
    }

    /// How many activities without a workflow a count query finds.
    func countActivities(_ query: String) async -> Result<Int64, ServiceError> {
        let answer = await self.call(
            "CountActivityExecutions",
            CountActivityExecutionsRequest.with {
                $0.namespace = SimulatedWorld.namespace
                $0.query = query
            }, returning: CountActivityExecutionsResponse.self)
        return answer.result.map(\.count)
    }
}
