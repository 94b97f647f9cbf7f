import Primitives

/// Keys by the time they are due; ties go by key.
///
/// A key has at most one deadline: setting it again replaces the old one, whose entry is skipped
/// when it comes up and swept out when too many are stale.
package struct DeadlineHeap<Key: Hashable & Comparable & Sendable>: Sendable {
    private struct Entry: Sendable {
        let at: Timestamp
        let key: Key

        static func < (left: Entry, right: Entry) -> Bool {
            (left.at, left.key) < (right.at, right.key)
        }
    }

    private var entries: [Entry] = []
    package private(set) var deadlines: [Key: Timestamp] = [:]

    package init() {}

    package var count: Int { self.deadlines.count }

    /// The earliest deadline.
    package var first: Timestamp? {
        mutating get {
            self.dropStale()
            return self.entries.first?.at
        }
    }

    /// Sets, moves or, with nil, removes the deadline of `key`.
    package mutating func set(_ key: Key, to deadline: Timestamp?) {
        guard self.deadlines[key] != deadline else { return }
        self.deadlines[key] = deadline
        if let deadline { self.push(Entry(at: deadline, key: key)) }
        if self.entries.count > 64, self.entries.count > 2 * self.deadlines.count { self.rebuild() }
    }

    /// Takes the earliest key that is due at `now`.
    package mutating func popDue(at now: Timestamp) -> Key? {
        self.dropStale()
        guard let first = self.entries.first, first.at <= now else { return nil }
        self.popEntry()
        self.deadlines[first.key] = nil
        return first.key
    }

    /// Removes the latest deadlines until `count` are left, at least one; returns the last one kept,
    /// nil if there was nothing to remove.
    package mutating func keepEarliest(_ count: Int) -> (at: Timestamp, key: Key)? {
        let count = max(count, 1)
        guard self.deadlines.count > count else { return nil }
        let sorted = self.deadlines.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        self.deadlines = Dictionary(
            uniqueKeysWithValues: sorted.prefix(count).map { ($0.key, $0.value) })
        self.rebuild()
        return (sorted[count - 1].value, sorted[count - 1].key)
    }

    private mutating func rebuild() {
        self.entries = self.deadlines.map { Entry(at: $0.value, key: $0.key) }.sorted { $0 < $1 }
    }

    private mutating func dropStale() {
        while let first = self.entries.first, self.deadlines[first.key] != first.at {
            self.popEntry()
        }
    }

    private mutating func push(_ entry: Entry) {
        self.entries.append(entry)
        var child = self.entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.entries[child] < self.entries[parent] else { return }
            self.entries.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func popEntry() {
        let last = self.entries.removeLast()
        guard !self.entries.isEmpty else { return }
        self.entries[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.entries.count {
                if self.entries[child] < self.entries[smallest] { smallest = child }
            }
            guard smallest != parent else { return }
            self.entries.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
