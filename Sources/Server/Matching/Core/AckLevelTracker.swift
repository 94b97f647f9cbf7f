import Primitives

/// How far a backlog is done, while its tasks finish in any order.
package struct AckLevelTracker: Equatable, Sendable {
    /// Everything up to here was read from the store, or entered as it was written.
    package private(set) var readLevel: Int64
    /// Ids up to the read level that are not done; ascending.
    private var outstanding: [Int64] = []

    package init(level: Int64) { self.readLevel = level }

    /// Every row up to here is done.
    package var ackLevel: Int64 { self.outstanding.first.map { $0 - 1 } ?? self.readLevel }
    package var outstandingCount: Int { self.outstanding.count }

    package mutating func read(_ id: Int64) {
        invariant(id > self.readLevel, "backlog row \(id) read after \(self.readLevel)")
        self.readLevel = id
        self.outstanding.append(id)
    }

    package mutating func complete(_ id: Int64) {
        var low = 0, high = self.outstanding.count
        while low < high {
            let middle = (low + high) / 2
            if self.outstanding[middle] < id { low = middle + 1 } else { high = middle }
        }
        invariant(
            low < self.outstanding.count && self.outstanding[low] == id,
            "backlog row \(id) is done twice")
        self.outstanding.remove(at: low)
    }
}
