import Primitives

/// A queue ordered by key: cheap at both ends, and any element can be taken out by its key.
package struct SortedQueue<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    private var keys: [Key] = []
    /// nil only below `head`.
    private var values: [Value?] = []
    private var head = 0

    package init() {}

    package var count: Int { self.keys.count - self.head }
    package var isEmpty: Bool { self.count == 0 }
    package var firstKey: Key? { self.isEmpty ? nil : self.keys[self.head] }
    package var first: Value? { self.isEmpty ? nil : self.values[self.head] }

    /// The keys, lowest first.
    package var sortedKeys: ArraySlice<Key> { self.keys[self.head...] }

    /// Puts an element where its key belongs, which is usually the end.
    package mutating func insert(_ value: Value, for key: Key) {
        let position = self.position(of: key)
        invariant(
            position == self.keys.count || self.keys[position] != key, "a key is queued twice")
        self.keys.insert(key, at: position)
        self.values.insert(value, at: position)
    }

    /// Takes the element with the lowest key out.
    package mutating func popFirst() -> (key: Key, value: Value)? {
        guard !self.isEmpty, let value = self.values[self.head] else { return nil }
        let key = self.keys[self.head]
        self.values[self.head] = nil
        self.head += 1
        self.compact()
        return (key, value)
    }

    /// Takes the element of `key` out; nil if there is none.
    package mutating func remove(_ key: Key) -> Value? {
        let position = self.position(of: key)
        guard position < self.keys.count, self.keys[position] == key else { return nil }
        if position == self.head { return self.popFirst()?.value }
        self.keys.remove(at: position)
        return self.values.remove(at: position)
    }

    /// Takes everything out, lowest key first.
    package mutating func removeAll() -> [(key: Key, value: Value)] {
        var all: [(key: Key, value: Value)] = []
        while let next = self.popFirst() { all.append(next) }
        return all
    }

    /// The first position at or after which `key` belongs.
    private func position(of key: Key) -> Int {
        if let last = self.keys.last, last < key { return self.keys.count }
        var low = self.head, high = self.keys.count
        while low < high {
            let middle = (low + high) / 2
            if self.keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func compact() {
        guard self.head == self.keys.count || (self.head >= 32 && self.head * 2 > self.keys.count)
        else { return }
        self.keys.removeFirst(self.head)
        self.values.removeFirst(self.head)
        self.head = 0
    }
}
