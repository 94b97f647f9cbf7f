import HistoryCore
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

typealias StartActivityBody = Temporal_Api_Workflowservice_V1_StartActivityExecutionRequest
typealias ActivityOutcome = Temporal_Api_Activity_V1_ActivityExecutionOutcome

extension ShardHarness {
    /// A start request as the frontend completes it.
    func activityBody(
        _ id: WorkflowID = "a", configure: (inout StartActivityBody) -> Void = { _ in }
    ) -> StartActivityBody {
        .with {
            $0.namespace = testNamespace.name
            $0.activityID = id.rawValue
            $0.activityType.name = "Work"
            $0.taskQueue.name = "q"
            $0.startToCloseTimeout = Duration.seconds(10).proto
            $0.retryPolicy = Temporal_Api_Common_V1_RetryPolicy().withDefaults
            $0.requestID = self.name("start")
            configure(&$0)
        }
    }

    /// Starts an activity.
    /// - Returns: the run, and whether it is new.
    @discardableResult
    func startActivity(
        _ id: WorkflowID = "a", configure: (inout StartActivityBody) -> Void = { _ in }
    ) throws -> (runID: RunID, isNew: Bool) {
        let reply = try self.ask(.start(self.activityBody(id, configure: configure)), of: id)
        guard case .standaloneActivity(.started(let response)) = reply else {
            throw UnexpectedReply()
        }
        return (RunID(response.runID), response.started)
    }

    func ask(_ operation: StandaloneActivityOperation, of id: WorkflowID = "a") throws
        -> HistoryReply
    {
        try self.call(.standaloneActivity(operation), to: id, of: .activity)
    }

    func refusal(
        ofActivity operation: StandaloneActivityOperation, _ id: WorkflowID = "a"
    ) -> ServiceError? {
        self.refusal(.standaloneActivity(operation), to: id, of: .activity)
    }

    /// Takes the newest task as a worker.
    @discardableResult
    func takeStandalone(requestID: String? = nil) throws -> ActivityTask {
        let task = try #require(self.handedOver.last, "no task")
        self.handedOver.removeLast()
        return try self.takeStandalone(task, requestID: requestID)
    }

    func takeStandalone(_ task: TaskDispatch, requestID: String? = nil) throws -> ActivityTask {
        let reply = try self.call(
            .recordActivityTaskStarted(self.activityStart(of: task, requestID: requestID)),
            to: task.run.workflowID, of: task.run.archetype)
        guard case .activityTaskStarted(let response) = reply else { throw UnexpectedReply() }
        return response
    }

    /// Sends a worker's report about a task.
    @discardableResult
    func report(
        _ task: ActivityTask, _ operation: (ActivityReference) -> HistoryOperation
    ) throws -> HistoryReply {
        let token = try StoredTaskToken(serializedBytes: task.taskToken)
        return try self.call(
            operation(.token(token)), to: WorkflowID(task.activityID), of: .activity)
    }

    func finish(_ task: ActivityTask, _ result: String = "done") throws {
        try self.report(task) {
            .respondActivityCompleted(
                $0, result: .text(result), worker: TaskWorker(identity: "worker"))
        }
    }

    func failStandalone(
        _ task: ActivityTask, _ failure: Temporal_Api_Failure_V1_Failure = .application("no")
    ) throws {
        try self.report(task) {
            .respondActivityFailed(
                $0, failure: failure, lastHeartbeatDetails: nil,
                worker: TaskWorker(identity: "worker"))
        }
    }

    func outcome(_ id: WorkflowID = "a", _ runID: RunID = "") throws -> ActivityOutcome {
        let reply = try self.ask(.poll(.with { $0.runID = runID.rawValue }), of: id)
        guard case .standaloneActivity(.polled(let response)) = reply else {
            throw UnexpectedReply()
        }
        return response.outcome
    }

    func describeActivity(
        _ id: WorkflowID = "a", _ runID: RunID = ""
    ) throws -> Temporal_Api_Workflowservice_V1_DescribeActivityExecutionResponse {
        let body = Temporal_Api_Workflowservice_V1_DescribeActivityExecutionRequest.with {
            $0.runID = runID.rawValue
            $0.includeInput = true
            $0.includeOutcome = true
            $0.includeLastFailure = true
            $0.includeHeartbeatDetails = true
        }
        let reply = try self.ask(.describe(body), of: id)
        guard case .standaloneActivity(.described(let response)) = reply else {
            throw UnexpectedReply()
        }
        return response
    }

    func activityKey(_ id: WorkflowID = "a") -> WorkflowKey {
        let address = WorkflowAddress(
            archetype: .activity, namespaceID: testNamespace.id, workflowID: id)
        return WorkflowKey(address, self.store.currentRuns[address] ?? "")
    }
}
