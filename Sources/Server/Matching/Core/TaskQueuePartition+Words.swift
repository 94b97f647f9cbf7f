import Persistence
import Primitives
import ServiceClients
import TemporalAPI

/// A task history recorded the start of, as the worker gets it.
package enum StartedTask: Equatable, Sendable {
    case workflow(Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse)
    case activity(Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse)
}

/// What a poll comes back with.
package enum PollAnswer: Equatable, Sendable {
    case nothing
    case syncMatch(StartedTask)
    case backlogTask(StartedTask)
    case query(Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse)
}

package typealias PollReply = Result<PollAnswer, ServiceError>
package typealias QueryReply =
    Result<Temporal_Api_Workflowservice_V1_QueryWorkflowResponse, ServiceError>

/// What history needs to record that a poll takes a task.
package struct TaskStart: Equatable, Sendable {
    /// Names the start as well: a poll takes one task at a time.
    package let poll: CallID
    package let task: MatchingTask
    package let namespace: NamespaceReference
    package let queue: TaskQueueKey
    package let worker: TaskWorker
    package let requestID: String
}

/// The limits of one partition.
package struct PartitionLimits: Equatable, Sendable {
    package var pollersMax: Int
    package var queriesMax: Int
    package var addsMax: Int
    package var backlogWindowMax: Int
    package var backlogBatchMax: Int
    package var stickyPollerUnavailableWindow: Duration
    package var queryPollerUnavailableWindow: Duration
    package var pollerHistoryTTL: Duration
    package var idleMax: Duration
}

extension TaskQueuePartition {
    /// What happened.
    package enum Input: Sendable {
        case pollArrived(CallID, TaskPoll)
        case pollCanceled(CallID)
        case taskAdded(CallID, TaskDispatch)
        case taskStartSucceeded(CallID, StartedTask)
        case taskStartFailed(CallID, ServiceError)

        case queryArrived(CallID, QueryDispatch)
        case queryCanceled(CallID)
        case queryAnswered(
            CallID, taskID: String,
            Temporal_Api_Workflowservice_V1_RespondQueryTaskCompletedRequest)

        case leaseAcquired(TaskQueueLease)
        case leaseFailed(StoreError)
        case backlogAppended
        case backlogAppendFailed(StoreError)
        case backlogRead(generation: Int, [BacklogRow], isLast: Bool)
        case backlogReadFailed(generation: Int, StoreError)
        case backlogCompleted(through: Int64)
        case backlogCompleteFailed(StoreError)

        case descriptionAsked(CallID)
        /// The worker of this sticky queue shuts down.
        case workerLeft
        /// This node shuts down.
        case stopped
        case tick
    }

    /// What must happen.
    package enum Effect: Equatable, Sendable {
        case startTask(TaskStart)
        case replyPoll(CallID, PollReply)
        /// nil: the task was started, is durable, or is nobody's.
        case replyAdd(CallID, ServiceError?)
        case replyQuery(CallID, QueryReply)
        case replyQueryAnswer(CallID, ServiceError?)
        case replyDescription(CallID, TaskQueueDescription)

        case acquireLease
        case appendBacklog([BacklogRow], RangeID)
        case readBacklog(after: Int64, countMax: Int, generation: Int)
        case completeBacklog(through: Int64, RangeID)

        /// A stored row is not a task; it is passed over.
        case reportUnreadableRow(id: Int64)
        /// Idle for long: this machine may be forgotten.
        case unload
    }

    /// What the machine waits for besides its inputs; ties are served in this order.
    enum Wait: Hashable, Comparable, Sendable {
        case lease
        case read
        case poll(CallID)
        case query(CallID)
        case queryPoller(CallID)
        case backlogExpiry(Int64)
        case backlogRetry(Int64)
        case rateLimit
        case completion
        case idle
    }
}
