/// A name that must not be mixed up with another kind of name.
///
/// Names are compared byte by byte, as the stores do: two that merely look the same are two.
package protocol Identifier: Hashable, Comparable, Sendable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    var rawValue: String { get }
    init(_ rawValue: String)
}

extension Identifier {
    package var description: String { self.rawValue }
    package init(stringLiteral value: String) { self.init(value) }
    package static func == (left: Self, right: Self) -> Bool {
        haveSameBytes(left.rawValue, right.rawValue)
    }
    package static func < (left: Self, right: Self) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
    /// Whether this is the empty string, which the API uses for "not set".
    package var isEmpty: Bool { self.rawValue.isEmpty }
}

/// Compares strings in place, as often as hash tables ask for it: an iterator over their bytes is slow.
private func haveSameBytes(_ left: String, _ right: String) -> Bool {
    let (left, right) = (left.utf8, right.utf8)
    guard left.count == right.count else { return false }
    let inPlace = left.withContiguousStorageIfAvailable { left in
        right.withContiguousStorageIfAvailable { right in left.elementsEqual(right) }
    }
    return (inPlace ?? nil) ?? left.elementsEqual(right)
}

/// The id of a namespace, a UUID; callers know namespaces by name.
package struct NamespaceID: Identifier {
    package let rawValue: String
    package init(_ rawValue: String) { self.rawValue = rawValue }
}

/// What callers choose to name a workflow; unique among a namespace's open runs.
package struct WorkflowID: Identifier {
    package let rawValue: String
    package init(_ rawValue: String) { self.rawValue = rawValue }
}

/// The id of one run of a workflow, a UUID the server draws.
package struct RunID: Identifier {
    package let rawValue: String
    package init(_ rawValue: String) { self.rawValue = rawValue }
}

/// One of the fixed number of shards workflows are spread over, counted from 1.
package struct ShardID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int32
    package init(_ rawValue: Int32) { self.rawValue = rawValue }
    package var description: String { "shard \(self.rawValue)" }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Fences writes: each acquisition of a shard or task queue raises it, writes with an older one fail.
package struct RangeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    package var description: String { "range \(self.rawValue)" }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The kinds of executions a shard holds; each has an id-space of its own.
package enum Archetype: Int32, Hashable, Comparable, Sendable {
    case workflow = 0
    /// An activity that no workflow started; its activity id stands where a workflow's id does.
    case activity = 1

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A workflow id within its namespace and archetype: what a shard is chosen by.
package struct WorkflowAddress: Hashable, Comparable, Sendable {
    package let archetype: Archetype
    package let namespaceID: NamespaceID
    package let workflowID: WorkflowID

    package init(
        archetype: Archetype = .workflow, namespaceID: NamespaceID, workflowID: WorkflowID
    ) {
        self.archetype = archetype
        self.namespaceID = namespaceID
        self.workflowID = workflowID
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.archetype, left.namespaceID, left.workflowID)
            < (right.archetype, right.namespaceID, right.workflowID)
    }

    /// The shard of this workflow, the same on every node and for ever.
    package func shard(of count: Int32) -> ShardID {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in self.namespaceID.rawValue.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash = (hash ^ 0x5f) &* 0x100_0000_01b3
        for byte in self.workflowID.rawValue.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash ^= hash >> 32
        return ShardID(Int32(hash % UInt64(max(count, 1))) + 1)
    }
}

/// One run of one workflow, or of one execution of another archetype.
package struct WorkflowKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let archetype: Archetype
    package let namespaceID: NamespaceID
    package let workflowID: WorkflowID
    package let runID: RunID

    package init(
        archetype: Archetype = .workflow, namespaceID: NamespaceID, workflowID: WorkflowID,
        runID: RunID
    ) {
        self.archetype = archetype
        self.namespaceID = namespaceID
        self.workflowID = workflowID
        self.runID = runID
    }

    package init(_ address: WorkflowAddress, _ runID: RunID) {
        self.init(
            archetype: address.archetype, namespaceID: address.namespaceID,
            workflowID: address.workflowID, runID: runID)
    }

    package var address: WorkflowAddress {
        WorkflowAddress(
            archetype: self.archetype, namespaceID: self.namespaceID, workflowID: self.workflowID)
    }
    package var description: String { "\(self.workflowID)/\(self.runID)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.archetype, left.namespaceID, left.workflowID, left.runID)
            < (right.archetype, right.namespaceID, right.workflowID, right.runID)
    }
}

/// What kind of tasks a task queue hands out.
package enum TaskQueueType: Int32, Hashable, Sendable {
    case workflow = 1
    case activity = 2
}

/// One task queue of one type: what matching keeps a partition, a backlog and pollers for.
package struct TaskQueueKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let namespaceID: NamespaceID
    package let name: String
    package let type: TaskQueueType
    /// A worker's own queue, for runs it holds in its cache.
    package let isSticky: Bool

    package init(namespaceID: NamespaceID, name: String, type: TaskQueueType, isSticky: Bool) {
        self.namespaceID = namespaceID
        self.name = name
        self.type = type
        self.isSticky = isSticky
    }

    package var description: String { "\(self.type) queue \(self.name)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.namespaceID, left.name, left.type.rawValue, left.isSticky ? 1 : 0)
            < (right.namespaceID, right.name, right.type.rawValue, right.isSticky ? 1 : 0)
    }
}
