import Primitives

/// Everything a machine waits for, earliest first; one time for each key.
///
/// A binary heap which knows where its keys are, so that moving one costs as little as adding one.
package struct Deadlines<Key: Hashable & Comparable & Sendable>: Sendable {
    private struct Item: Comparable {
        let time: Timestamp
        let key: Key

        static func < (left: Self, right: Self) -> Bool {
            (left.time, left.key) < (right.time, right.key)
        }
    }

    private var heap: [Item] = []
    private var positions: [Key: Int] = [:]

    package init() {}

    /// The earliest time; nil if nothing is waited for.
    package var next: Timestamp? { self.heap.first?.time }
    package var count: Int { self.heap.count }

    package func time(of key: Key) -> Timestamp? {
        self.positions[key].map { self.heap[$0].time }
    }

    /// Sets or moves the time of `key`.
    package mutating func set(_ key: Key, at time: Timestamp) {
        if let position = self.positions[key] {
            guard self.heap[position].time != time else { return }
            self.heap[position] = Item(time: time, key: key)
            self.siftDown(self.siftUp(position))
        } else {
            self.heap.append(Item(time: time, key: key))
            self.positions[key] = self.heap.count - 1
            _ = self.siftUp(self.heap.count - 1)
        }
    }

    /// Forgets `key`, if it is known.
    package mutating func remove(_ key: Key) {
        guard let position = self.positions.removeValue(forKey: key) else { return }
        let last = self.heap.removeLast()
        guard position < self.heap.count else { return }
        self.heap[position] = last
        self.positions[last.key] = position
        self.siftDown(self.siftUp(position))
    }

    /// Takes out the first key whose time has come.
    package mutating func popDue(_ now: Timestamp) -> Key? {
        guard let first = self.heap.first, first.time <= now else { return nil }
        self.remove(first.key)
        return first.key
    }

    package mutating func removeAll() {
        self.heap.removeAll()
        self.positions.removeAll()
    }

    private mutating func siftUp(_ start: Int) -> Int {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child] < self.heap[parent] else { break }
            self.swap(child, parent)
            child = parent
        }
        return child
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < self.heap.count && self.heap[child] < self.heap[least] { least = child }
            guard least != parent else { return }
            self.swap(parent, least)
            parent = least
        }
    }

    private mutating func swap(_ left: Int, _ right: Int) {
        self.heap.swapAt(left, right)
        self.positions[self.heap[left].key] = left
        self.positions[self.heap[right].key] = right
    }
}
