import Synchronization

/// Counts the connections of all threads.
final class OpenConnections: Sendable {
    private let count = Atomic<Int>(0)

    var current: Int { self.count.load(ordering: .relaxed) }

    func opened() { self.count.add(1, ordering: .relaxed) }

    func closed() { self.count.subtract(1, ordering: .relaxed) }
}
