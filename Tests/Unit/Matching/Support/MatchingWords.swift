import MatchingCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

let namespace = NamespaceReference(
    id: "6f1f3c40-0000-4000-8000-000000000001", name: "orders", retention: .seconds(86_400))

func taskQueue(
    _ name: String = "queue", type: TaskQueueType = .workflow, isSticky: Bool = false
) -> TaskQueueKey {
    TaskQueueKey(namespaceID: namespace.id, name: name, type: type, isSticky: isSticky)
}

func seconds(_ count: Double) -> Timestamp { .epoch + .seconds(1_000_000) + .seconds(count) }

func dispatch(
    _ number: Int64, to queue: TaskQueueKey = taskQueue(), expiresAt: Timestamp? = nil,
    priority: Int32 = 0
) -> TaskDispatch {
    TaskDispatch(
        queue: queue,
        run: WorkflowKey(
            namespaceID: namespace.id, workflowID: WorkflowID("workflow-\(number)"),
            runID: RunID("run-\(number)")),
        namespace: namespace, scheduledEventID: number, stamp: 0, expiresAt: expiresAt,
        priorityKey: priority)
}

func taskPoll(
    _ queue: TaskQueueKey = taskQueue(), until deadline: Timestamp, identity: String = "worker",
    rate: Double? = nil
) -> TaskPoll {
    TaskPoll(
        queue: queue, namespace: namespace,
        worker: TaskWorker(identity: identity, version: .with { $0.buildID = "build" }),
        workerInstanceKey: "", deadline: deadline, tasksPerSecondMax: rate)
}

func queryDispatch(
    _ queue: TaskQueueKey = taskQueue(), until deadline: Timestamp
) -> QueryDispatch {
    QueryDispatch(
        queue: queue, namespace: namespace, deadline: deadline,
        task: .with {
            $0.query.queryType = "state"
            $0.attempt = 1
        })
}

func started(_ number: Int64) -> StartedTask {
    .workflow(.with { $0.workflowExecution.workflowID = "workflow-\(number)" })
}

/// Seeds for properties; each is the name of its trial.
func trials(_ count: UInt64) -> [UInt64] { (0..<count).map { 0x5eed + $0 } }
