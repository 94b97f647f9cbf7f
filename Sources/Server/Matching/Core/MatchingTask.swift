import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// A task as a queue keeps it: what history needs to record its start, and when it is due.
package struct MatchingTask: Equatable, Sendable {
    package let run: WorkflowKey
    package let scheduledEventID: Int64
    package let stamp: Int32
    package let createdAt: Timestamp
    package let expiresAt: Timestamp?
    package let priority: TaskPriority

    package init(_ dispatch: TaskDispatch, createdAt: Timestamp) {
        self.run = dispatch.run
        self.scheduledEventID = dispatch.scheduledEventID
        self.stamp = dispatch.stamp
        self.createdAt = createdAt
        self.expiresAt = dispatch.expiresAt
        self.priority = TaskPriority(key: dispatch.priorityKey)
    }

    /// Whether nobody wants the task any more: history times it out by itself.
    package func isExpired(_ now: Timestamp) -> Bool { self.expiresAt.map { $0 <= now } ?? false }

    /// Reads a backlog row back; nil if its bytes are not a task.
    package init?(row: BacklogRowBytes) {
        guard let stored = try? StoredBacklogTask(serializedBytes: row), !stored.runID.isEmpty,
            let archetype = Archetype(rawValue: stored.archetype)
        else { return nil }
        self.run = WorkflowKey(
            archetype: archetype, namespaceID: NamespaceID(stored.namespaceID),
            workflowID: WorkflowID(stored.workflowID), runID: RunID(stored.runID))
        self.scheduledEventID = stored.scheduledEventID
        self.stamp = stored.stamp
        self.createdAt = Timestamp(nanoseconds: stored.createdAt)
        self.expiresAt =
            stored.expiresAt == 0 ? nil : Timestamp(nanoseconds: stored.expiresAt)
        self.priority = TaskPriority(key: stored.priority.priorityKey)
    }

    /// The bytes of a backlog row.
    package var row: BacklogRowBytes {
        let stored = StoredBacklogTask.with {
            $0.archetype = self.run.archetype.rawValue
            $0.namespaceID = self.run.namespaceID.rawValue
            $0.workflowID = self.run.workflowID.rawValue
            $0.runID = self.run.runID.rawValue
            $0.scheduledEventID = self.scheduledEventID
            $0.stamp = self.stamp
            $0.createdAt = self.createdAt.nanoseconds
            $0.expiresAt = self.expiresAt?.nanoseconds ?? 0
            $0.priority = .with { $0.priorityKey = self.priority.key }
        }
        do {
            return try stored.serializedBytes()
        } catch {
            invariantFailure("a backlog task has no bytes: \(error)")
        }
    }
}

package typealias BacklogRowBytes = [UInt8]

/// How urgent a task is among those of its queue; 1 comes first, 3 is usual, 5 comes last.
package struct TaskPriority: Hashable, Comparable, Sendable {
    package static let all: ClosedRange<Int32> = 1...5
    package static let usual = TaskPriority(key: 3)

    package let key: Int32

    /// 0 is the API's "not set"; keys out of range count as the nearest in range.
    package init(key: Int32) {
        self.key = key == 0 ? 3 : min(max(key, Self.all.lowerBound), Self.all.upperBound)
    }

    package static func < (left: Self, right: Self) -> Bool { left.key < right.key }
}
