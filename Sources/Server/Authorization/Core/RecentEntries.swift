/// A table of bounded size that keeps what was used last.
///
/// Two halves: what is new or was used goes into the young one; when that is full it becomes the old
/// one, and what was old and not used meanwhile is gone.
package struct RecentEntries<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private var youngWeight = 0
    private let halfMax: Int
    private let weight: @Sendable (Value) -> Int

    /// - Parameters:
    ///   - weightMax: what all entries together may weigh.
    ///   - weight: of one, at least 1.
    package init(weightMax: Int, weight: @escaping @Sendable (Value) -> Int = { _ in 1 }) {
        self.halfMax = max(weightMax / 2, 1)
        self.weight = weight
    }

    package var count: Int { self.young.count + self.old.count }

    package subscript(key: Key) -> Value? {
        mutating get {
            if let value = self.young[key] { return value }
            guard let value = self.old.removeValue(forKey: key) else { return nil }
            self.insert(value, key)
            return value
        }
        set {
            self.old[key] = nil
            if let replaced = self.young.removeValue(forKey: key) {
                self.youngWeight -= self.weight(replaced)
            }
            if let newValue { self.insert(newValue, key) }
        }
    }

    private mutating func insert(_ value: Value, _ key: Key) {
        let weight = self.weight(value)
        if !self.young.isEmpty, self.youngWeight + weight > self.halfMax {
            self.old = self.young
            self.young = [:]
            self.youngWeight = 0
        }
        self.young[key] = value
        self.youngWeight += weight
    }
}
