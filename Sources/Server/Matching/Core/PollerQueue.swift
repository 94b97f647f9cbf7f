import Primitives
import ServiceClients

/// The polls that wait for a task, first come first served.
package struct PollerQueue: Sendable {
    package struct Poll: Sendable {
        package let id: CallID
        package let request: TaskPoll
        package let arrivedAt: Timestamp

        package init(id: CallID, request: TaskPoll, arrivedAt: Timestamp) {
            self.id = id
            self.request = request
            self.arrivedAt = arrivedAt
        }
    }

    private var waiting = SortedQueue<CallID, Poll>()

    package init() {}

    package var count: Int { self.waiting.count }
    package var isEmpty: Bool { self.waiting.isEmpty }

    /// Lets a poll wait; one that waited before gets its old place back.
    package mutating func insert(_ poll: Poll) { self.waiting.insert(poll, for: poll.id) }

    package mutating func popFirst() -> Poll? { self.waiting.popFirst()?.value }

    /// Takes a poll out before it got anything; nil if it does not wait here.
    package mutating func remove(_ id: CallID) -> Poll? { self.waiting.remove(id) }

    package mutating func removeAll() -> [Poll] { self.waiting.removeAll().map(\.value) }
}
