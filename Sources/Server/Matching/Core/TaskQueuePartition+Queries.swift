import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension TaskQueuePartition {
    mutating func queryArrived(
        _ call: CallID, _ dispatch: QueryDispatch, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        let checkAt = dispatch.deadline + .seconds(-1)
        let refusal: ServiceError?
        if self.isStopped {
            refusal = .shuttingDown
        } else if self.isStickyWorkerGone(now) {
            refusal = .stickyWorkerUnavailable
        } else if dispatch.deadline <= now {
            refusal = .queryTimedOut
        } else if self.queries.count >= self.limits.queriesMax {
            refusal = .tooManyCalls("queries on this task queue")
        } else if checkAt <= now, self.isQueryPollerMissing(now) {
            refusal = .noPollerSeen
        } else {
            refusal = nil
        }
        if let refusal {
            effects.append(.replyQuery(call, .failure(refusal)))
            return
        }
        self.lastUsedAt = now
        self.queries.insert(QueryTasks.Query(call: call, dispatch: dispatch))
        self.waits.set(.query(call), at: dispatch.deadline)
        if !self.queue.isSticky, checkAt > now { self.waits.set(.queryPoller(call), at: checkAt) }
    }

    /// A poll gets a query, which never touches history.
    mutating func deliver(
        _ query: QueryTasks.Query, to poll: PollerQueue.Poll, _ now: Timestamp,
        _ effects: inout [Effect]
    ) {
        let taskID = self.random.uuid()
        self.waits.remove(.queryPoller(query.call))
        self.queries.delivered(query, as: taskID)
        let token = StoredQueryToken.with {
            $0.namespaceID = self.queue.namespaceID.rawValue
            $0.taskQueue = self.queue.name
            $0.taskID = taskID
        }
        var task = query.dispatch.task
        do {
            task.taskToken = try token.serializedBytes()
        } catch {
            invariantFailure("a query token has no bytes: \(error)")
        }
        task.backlogCountHint = self.backlog.count
        self.answer(poll, .success(.query(task)), now, &effects)
    }

    mutating func queryCanceled(_ call: CallID, _ effects: inout [Effect]) {
        guard self.queries.remove(call) else { return }
        self.answerQuery(
            call, .failure(ServiceError(.cancelled, "query was cancelled")), &effects)
    }

    mutating func queryExpired(_ call: CallID, _ effects: inout [Effect]) {
        guard self.queries.remove(call) else { return }
        self.answerQuery(call, .failure(.queryTimedOut), &effects)
    }

    /// A second before its deadline, a query that waits in vain says why, if nobody polls.
    mutating func queryPollerChecked(
        _ call: CallID, _ now: Timestamp, _ effects: inout [Effect]
    ) {
        guard self.isQueryPollerMissing(now), self.queries.remove(call) else { return }
        self.answerQuery(call, .failure(.noPollerSeen), &effects)
    }

    mutating func queryAnswered(
        _ call: CallID, taskID: String,
        _ answer: Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest,
        _ effects: inout [Effect]
    ) {
        guard let query = self.queries.answered(taskID) else {
            effects.append(.replyQueryAnswer(call, .queryTaskNotFound))
            return
        }
        self.answerQuery(query, Self.reply(answer), &effects)
        effects.append(.replyQueryAnswer(call, nil))
    }

    mutating func answerQuery(_ call: CallID, _ reply: QueryReply, _ effects: inout [Effect]) {
        self.waits.remove(.query(call))
        self.waits.remove(.queryPoller(call))
        effects.append(.replyQuery(call, reply))
    }

    private func isQueryPollerMissing(_ now: Timestamp) -> Bool {
        !self.queue.isSticky
            && !self.isPolled(within: self.limits.queryPollerUnavailableWindow, now)
    }

    /// What the one who asked gets for a worker's answer.
    private static func reply(
        _ answer: Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest
    ) -> QueryReply {
        switch answer.completedType {
        case .answered:
            return .success(.with { $0.queryResult = answer.queryResult })
        case .failed:
            let failure =
                answer.hasFailure ? answer.failure : .with { $0.message = answer.errorMessage }
            return .failure(ServiceError(.queryFailed(failure), answer.errorMessage))
        case .unspecified, .UNRECOGNIZED:
            return .failure(ServiceError(.internalError, "unknown query completed type"))
        }
    }
}

extension ServiceError {
    package static let queryTaskNotFound = ServiceError.notFound(
        "query task not found, or already expired")
    static let queryTimedOut = ServiceError(
        .deadlineExceeded, "query timed out before a worker could process it")
    static let noPollerSeen = ServiceError(
        .failedPrecondition, "no poller seen for task queue recently, worker may be down")
}
