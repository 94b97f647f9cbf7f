import FoundationEssentials
import Primitives
import SwiftProtobuf
import TemporalAPI

extension PatientCaller {
    /// The whole history of a run, in pages of any size.
    func history(
        of workflowID: String, _ runID: String
    ) async -> Result<[HistoryEvent], ServiceError> {
        var events: [HistoryEvent] = [], token = Data()
        repeat {
            let answer = await self.call(
                "GetWorkflowExecutionHistory",
                GetWorkflowExecutionHistoryRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.execution.workflowID = workflowID
                    $0.execution.runID = runID
                    $0.nextPageToken = token
                    $0.maximumPageSize = Int32(self.draw(1...100))
                }, returning: GetWorkflowExecutionHistoryResponse.self)
            switch answer.result {
            case .success(let page):
                events += page.history.events
                token = page.nextPageToken
            case .failure(let error):
                return .failure(error)
            }
        } while !token.isEmpty
        return .success(events)
    }

    /// The whole history of a run, read from its end, in order.
    func historyReversed(
        of workflowID: String, _ runID: String
    ) async -> Result<[HistoryEvent], ServiceError> {
        var events: [HistoryEvent] = [], token = Data()
        repeat {
            let answer = await self.call(
                "GetWorkflowExecutionHistoryReverse",
                GetWorkflowExecutionHistoryReverseRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.execution.workflowID = workflowID
                    $0.execution.runID = runID
                    $0.nextPageToken = token
                    $0.maximumPageSize = Int32(self.draw(1...100))
                }, returning: GetWorkflowExecutionHistoryReverseResponse.self)
            switch answer.result {
            case .success(let page):
                events += page.history.events
                token = page.nextPageToken
            case .failure(let error):
                return .failure(error)
            }
        } while !token.isEmpty
        return .success(events.reversed())
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
        var runs: [WorkflowExecutionInfo] = [], token = Data()
        repeat {
            let answer = await self.call(
                "ListWorkflowExecutions",
                ListWorkflowExecutionsRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.query = query
                    $0.pageSize = Int32(self.draw(1...10))
                    $0.nextPageToken = token
                }, returning: ListWorkflowExecutionsResponse.self)
            switch answer.result {
            case .success(let page):
                runs += page.executions
                token = page.nextPageToken
            case .failure(let error):
                return .failure(error)
            }
        } while !token.isEmpty
        return .success(runs)
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
        var runs: [ActivityExecutionListInfo] = [], token = Data()
        repeat {
            let answer = await self.call(
                "ListActivityExecutions",
                ListActivityExecutionsRequest.with {
                    $0.namespace = SimulatedWorld.namespace
                    $0.query = query
                    $0.pageSize = Int32(self.draw(1...10))
                    $0.nextPageToken = token
                }, returning: ListActivityExecutionsResponse.self)
            switch answer.result {
            case .success(let page):
                runs += page.executions
                token = page.nextPageToken
            case .failure(let error):
                return .failure(error)
            }
        } while !token.isEmpty
        return .success(runs)
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
