import DynamicConfig
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// A query that a worker is being asked, outside any workflow task.
struct DirectQuery: Sendable {
    let requestID: HistoryShard.RequestID
    let request: Temporal_Api_Workflowservice_V1_QueryWorkflowRequest
    let key: WorkflowKey
    let namespace: NamespaceReference
    let deadline: Timestamp
    /// Whether the worker that has the run in its cache is asked.
    let isSticky: Bool
}

extension HistoryShard {
    typealias QueryRequest = Temporal_Api_Workflowservice_V1_QueryWorkflowRequest
    typealias QueryResponse = Temporal_Api_Workflowservice_V1_QueryWorkflowResponse

    mutating func query(_ request: QueryRequest, _ call: Call, _ effects: inout [Effect]) {
        guard let run = self.run(RunID(request.execution.runID), for: call, &effects) else {
            return
        }
        let key = run.state.key
        if run.state.isPaused || run.state.rejects(request.queryRejectCondition) {
            return self.reject(call.id, run, &effects)
        }
        if let error = run.state.queryObstacle(waitingUntil: call.request.deadline) {
            return self.refuse(call.id, error, seeing: key, &effects)
        }
        let isDirect =
            run.state.hasCompletedWorkflowTask
            && (!run.state.isRunning || !run.state.hasWorkflowTask)
        let deadline = call.request.deadline ?? self.now + .seconds(30)
        self.nextQueryID += 1
        let query = BufferedQuery(
            id: QueryID(rawValue: self.nextQueryID), requestID: call.id, request: request,
            deadline: deadline)
        if isDirect {
            self.ask(query, key, call.request.namespace, &effects)
        } else {
            self.buffer(query, on: run, &effects)
        }
    }

    private mutating func reject(_ id: RequestID, _ run: CachedRun, _ effects: inout [Effect]) {
        let response = QueryResponse.with {
            $0.queryRejected.status = run.state.info.status
            $0.link = run.state.key.link(in: run.state.info.namespaceName, "Query rejected")
        }
        self.reply(id, .queried(response), seeing: run.state.key, &effects)
    }

    private mutating func buffer(
        _ query: BufferedQuery, on run: CachedRun, _ effects: inout [Effect]
    ) {
        guard run.queries.count < self.settings.bufferedQueriesMax else {
            let error = ServiceError(
                .resourceExhausted(cause: .busyWorkflow, scope: .namespace),
                "consistent query buffer is full, this may be caused by too many queries and workflow not able to process query fast enough"
            )
            return self.refuse(query.requestID, error, seeing: nil, &effects)
        }
        var run = run
        run.queries.append(query)
        self.store(run)
        self.waitingOn[query.requestID] = run.state.key
        self.waitDeadlines.set(query.requestID, to: query.deadline)
    }

    // MARK: On a workflow task

    /// Takes out the queries that a worker answers with its workflow task.
    mutating func takeAnswered(
        of key: WorkflowKey, with results: [String: Temporal_Api_Query_V1_WorkflowQueryResult]
    ) -> [BufferedQuery] {
        guard var run = self.runs[key], !run.queries.isEmpty else { return [] }
        let answered = run.queries.filter { results[$0.key] != nil }
        run.queries.removeAll { results[$0.key] != nil }
        self.store(run)
        for query in answered { self.forgetWait(query.requestID) }
        return answered
    }

    /// Passes the answers on once the workflow task that came with them is durable.
    mutating func answer(
        _ queries: [BufferedQuery], of key: WorkflowKey,
        with results: [String: Temporal_Api_Query_V1_WorkflowQueryResult],
        _ effects: inout [Effect]
    ) {
        let namespaceName = self.runs[key]?.state.info.namespaceName ?? ""
        for query in queries {
            guard let result = results[query.key] else { continue }
            if result.resultType == .failed {
                self.refuse(query.requestID, .queryFailed(result), seeing: key, &effects)
            } else {
                let response = QueryResponse.with {
                    $0.queryResult = result.answer
                    $0.link = key.link(in: namespaceName, "Query processed")
                }
                self.reply(query.requestID, .queried(response), seeing: key, &effects)
            }
        }
    }

    /// Queries that wait for a workflow task which will not come go to a worker directly.
    mutating func unblockQueries(of key: WorkflowKey, _ effects: inout [Effect]) {
        guard var run = self.runs[key], !run.queries.isEmpty, !run.state.hasWorkflowTask,
            // The first task is still to come.
            !run.state.isRunning || !run.state.isBackingOff
        else { return }
        let queries = run.queries
        run.queries = []
        self.store(run)
        let namespace = NamespaceReference(
            id: key.namespaceID, name: run.state.info.namespaceName, retention: .zero)
        for query in queries {
            self.forgetWait(query.requestID)
            if run.state.isPaused {
                // It waited for events that the worker with the run in its cache has not seen.
                self.reject(query.requestID, run, &effects)
            } else if let error = run.state.queryObstacle(waitingUntil: query.deadline) {
                self.refuse(query.requestID, error, seeing: key, &effects)
            } else {
                self.ask(query, key, namespace, &effects)
            }
        }
    }

    // MARK: Direct

    private mutating func ask(
        _ query: BufferedQuery, _ key: WorkflowKey, _ namespace: NamespaceReference,
        ignoringSticky: Bool = false, _ effects: inout [Effect]
    ) {
        guard let run = self.runs[key] else {
            return self.refuse(
                query.requestID, .unavailable("query cleared, please retry"), seeing: nil, &effects)
        }
        let state = run.state
        let isSticky = state.isSticky && state.isRunning && !ignoringSticky
        let deadline = query.deadline ?? self.now + .seconds(30)
        let direct = DirectQuery(
            requestID: query.requestID, request: query.request, key: key, namespace: namespace,
            deadline: deadline, isSticky: isSticky)
        self.directQueries[query.id] = direct
        let stickyDeadline = self.now + .nanoseconds(state.info.stickyScheduleToStartNs)
        let dispatch = QueryDispatch(
            queue: TaskQueueKey(
                namespaceID: key.namespaceID,
                name: isSticky ? state.info.stickyTaskQueue : state.info.taskQueue,
                type: .workflow, isSticky: isSticky),
            namespace: namespace,
            deadline: isSticky ? min(deadline, stickyDeadline) : deadline,
            task: state.queryTask(query.request.query))
        let fetch =
            isSticky ? nil : state.taskHistory(from: 1, pageMax: self.settings.historyPageSizeMax)
        self.hold(.dispatchQuery(query.id, dispatch, fetch), until: run.lastBatch, &effects)
    }

    mutating func queryAnswered(
        _ id: QueryID,
        _ result: Result<QueryResponse, ServiceError>,
        _ effects: inout [Effect]
    ) {
        guard let query = self.directQueries.removeValue(forKey: id) else { return }
        switch result {
        case .success(var response):
            response.link = query.key.link(in: query.namespace.name, "Query processed")
            self.reply(query.requestID, .queried(response), seeing: nil, &effects)
        case .failure(let error):
            guard query.isSticky,
                error.kind == .stickyWorkerUnavailable || error.kind == .deadlineExceeded,
                self.now < query.deadline
            else {
                return self.refuse(query.requestID, error, seeing: nil, &effects)
            }
            self.abandonSticky(query.key, &effects)
            self.nextQueryID += 1
            let again = BufferedQuery(
                id: QueryID(rawValue: self.nextQueryID), requestID: query.requestID,
                request: query.request, deadline: query.deadline)
            self.ask(again, query.key, query.namespace, ignoringSticky: true, &effects)
        }
    }

    /// The worker which had the run in its cache does not answer.
    private mutating func abandonSticky(_ key: WorkflowKey, _ effects: inout [Effect]) {
        guard let run = self.runs[key], run.state.isRunning, run.state.isSticky,
            !run.state.hasWorkflowTask
        else { return }
        var transition = self.transition(of: run)
        transition.clearSticky()
        self.accept(transition, &effects)
    }
}

extension WorkflowKey {
    /// Says to the callers of a query which run it was about.
    fileprivate func link(in namespace: String, _ reason: String) -> Temporal_Api_Common_V1_Link {
        .with {
            $0.workflow.namespace = namespace
            $0.workflow.workflowID = self.workflowID.rawValue
            $0.workflow.runID = self.runID.rawValue
            $0.workflow.reason = reason
        }
    }
}

extension MutableState {
    fileprivate func rejects(_ condition: Temporal_Api_Enums_V1_QueryRejectCondition) -> Bool {
        switch condition {
        case .notOpen: !self.isRunning
        case .notCompletedCleanly: !self.isRunning && self.info.status != .completed
        case .none, .unspecified, .UNRECOGNIZED: false
        }
    }

    /// Why no worker can answer a query in time; nil if one can.
    fileprivate func queryObstacle(waitingUntil deadline: Timestamp?) -> ServiceError? {
        if !self.isRunning, !self.hasCompletedWorkflowTask {
            return ServiceError(
                .workflowNotReady,
                "Workflow execution closed before WorkflowTaskStarted event")
        }
        if self.isRunning, !self.hasWorkflowTask, !self.hasCompletedWorkflowTask {
            let firstTaskAt = Timestamp(nanoseconds: self.info.executionAt)
            if let deadline, firstTaskAt <= deadline { return nil }
            return ServiceError(.workflowNotReady, "Workflow task is not scheduled yet.")
        }
        if self.hasWorkflowTask, self.info.workflowTask.attempt >= 3 {
            return ServiceError(
                .workflowNotReady, "Unable to query workflow due to Workflow Task in failed state.")
        }
        return nil
    }

    /// What a worker gets for a query by itself.
    fileprivate func queryTask(
        _ query: Temporal_Api_Query_V1_WorkflowQuery
    ) -> PollWorkflowTaskResponse {
        .with {
            $0.workflowExecution = self.execution
            $0.workflowType.name = self.info.workflowType
            $0.previousStartedEventID = self.info.lastCompletedTaskStartedEventID
            $0.attempt = 1
            $0.query = query
            // SDKs refuse a task without a history, even where none is needed.
            $0.history = .init()
            $0.workflowExecutionTaskQueue = .with {
                $0.name = self.info.taskQueue
                $0.kind = .normal
            }
        }
    }
}

extension ServiceError {
    /// What a caller is told of a query the worker could not answer.
    fileprivate static func queryFailed(
        _ result: Temporal_Api_Query_V1_WorkflowQueryResult
    ) -> ServiceError {
        let failure =
            result.hasFailure ? result.failure : Failure.with { $0.message = result.errorMessage }
        return ServiceError(.queryFailed(failure), result.errorMessage)
    }
}
