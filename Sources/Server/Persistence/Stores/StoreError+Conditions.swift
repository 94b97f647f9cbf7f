import Primitives

/// The conditions writes are refused for, worded alike by every implementation.
extension StoreError {
    package static func runVersion(_ key: WorkflowKey, isNot expected: Int64) -> StoreError {
        expected == 0
            ? .conditionFailed("run \(key) exists already")
            : .conditionFailed("run \(key) is not at version \(expected)")
    }

    package static func currentRun(
        of address: WorkflowAddress, isNot expected: RunID?
    ) -> StoreError {
        guard let expected else {
            return .conditionFailed("workflow \(address.workflowID) has a current run already")
        }
        return .conditionFailed("current run of \(address.workflowID) is not \(expected)")
    }

    package static func historyExists(_ key: WorkflowKey, firstEventID: Int64) -> StoreError {
        .conditionFailed("history of \(key) has a batch at event \(firstEventID) already")
    }

    package static func taskExists(_ id: Int64) -> StoreError {
        .conditionFailed("history task \(id) exists already")
    }

    package static func backlogOutOfOrder(_ queue: TaskQueueKey, id: Int64) -> StoreError {
        .conditionFailed("task \(id) is not behind the backlog of \(queue)")
    }

    package static func namespaceTaken(_ row: NamespaceRow) -> StoreError {
        .conditionFailed("a namespace named \(row.name) or with id \(row.id) exists already")
    }

    package static func namespaceMissing(_ id: NamespaceID) -> StoreError {
        .conditionFailed("there is no namespace with id \(id)")
    }
}
