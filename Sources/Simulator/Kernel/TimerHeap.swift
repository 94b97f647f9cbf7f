import Primitives

/// A binary heap by time, then by number: equal times come out in the order they were put in.
struct TimerHeap<Payload> {
    struct Entry {
        let at: Timestamp
        let number: UInt64
        let payload: Payload

        fileprivate func isBefore(_ other: Entry) -> Bool {
            (self.at, self.number) < (other.at, other.number)
        }
    }

    private(set) var entries: [Entry] = []

    var count: Int { self.entries.count }
    var first: Entry? { self.entries.first }

    mutating func insert(_ payload: Payload, at: Timestamp, number: UInt64) {
        self.entries.append(Entry(at: at, number: number, payload: payload))
        var child = self.entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.entries[child].isBefore(self.entries[parent]) else { return }
            self.entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() -> Entry? {
        guard !self.entries.isEmpty else { return nil }
        self.entries.swapAt(0, self.entries.count - 1)
        let removed = self.entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)..<(2 * parent + 3)
            where child < self.entries.count && self.entries[child].isBefore(self.entries[least]) {
                least = child
            }
            guard least != parent else { return removed }
            self.entries.swapAt(parent, least)
            parent = least
        }
    }

    /// Keeps what satisfies `isKept`; the order things come out in depends on their keys only.
    mutating func filter(_ isKept: (Payload) -> Bool) {
        let kept = self.entries.filter { isKept($0.payload) }
        self.entries.removeAll(keepingCapacity: true)
        for entry in kept { self.insert(entry.payload, at: entry.at, number: entry.number) }
    }
}
