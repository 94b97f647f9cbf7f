import Primitives

/// A value that changes, with all that it ever was.
struct Timeline<Value: Equatable> {
    private var changes: [(at: Timestamp, value: Value)]

    init(_ value: Value) { self.changes = [(.epoch, value)] }

    var current: Value { self.changes[self.changes.count - 1].value }

    mutating func set(_ value: Value, at time: Timestamp) {
        if value != self.current { self.changes.append((time, value)) }
    }

    /// Everything it was at some moment of `window`.
    ///
    /// What it was before a change at the window's beginning counts: it was that just then.
    func values(in window: ClosedRange<Timestamp>) -> [Value] {
        let first = self.changes.lastIndex { $0.at < window.lowerBound } ?? 0
        return self.changes[first...].prefix { $0.at <= window.upperBound }.map(\.value)
    }
}

/// What something was at the least and at the most, as far as that is known.
struct Bounds<Value: Equatable>: Equatable {
    let least: Value
    let most: Value

    init(least: Value, most: Value) {
        self.least = least
        self.most = most
    }

    /// What is known for sure.
    init(_ value: Value) { self.init(least: value, most: value) }
}

extension Bounds where Value: Comparable {
    /// Of values that it had one after the other; `none` if there never was one.
    init(_ values: [Value], or none: Value) {
        self.init(least: values.min() ?? none, most: values.max() ?? none)
    }
}

extension Bounds<Bool> {
    /// Of values that it had one after the other; it was false if there never was one.
    init(_ values: [Bool]) {
        self.init(
            least: !values.isEmpty && !values.contains(false), most: values.contains(true))
    }
}
