import Primitives

/// The ids a lease gives to new backlog rows: above those of all leases before it.
package struct TaskIDBlock: Equatable, Sendable {
    package static let size: Int64 = 100_000

    package let range: RangeID
    private var next: Int64
    private let end: Int64

    package init(_ range: RangeID) {
        self.range = range
        self.next = (range.rawValue - 1) * Self.size + 1
        self.end = range.rawValue * Self.size
    }

    package var remaining: Int { Int(self.end - self.next + 1) }

    /// The next id; one whose write failed is not used again.
    package mutating func take() -> Int64 {
        invariant(self.next <= self.end, "\(self.range) has no ids left")
        defer { self.next += 1 }
        return self.next
    }
}
