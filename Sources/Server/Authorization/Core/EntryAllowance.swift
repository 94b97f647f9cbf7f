import Primitives

/// How many log entries of a kind are written: a number at once, then some for every second.
package struct EntryAllowance: Equatable, Sendable {
    private let burstMax: Int
    private let interval: Duration
    private var left: Int
    private var refilledAt: Timestamp?
    private var passedOver = 0

    package init(burstMax: Int = 100, perSecond: Int = 10) {
        self.burstMax = burstMax
        self.left = burstMax
        self.interval = .seconds(1) / perSecond
    }

    /// Takes one entry: how many were passed over before it, or nil if this is one more of them.
    package mutating func take(now: Timestamp) -> Int? {
        let elapsed = now - (self.refilledAt ?? now)
        let earned = min(elapsed.nanoseconds / self.interval.nanoseconds, Int64(self.burstMax))
        if self.refilledAt == nil || earned > 0 {
            self.refilledAt = now
            self.left = min(self.left + Int(earned), self.burstMax)
        }
        guard self.left > 0 else {
            self.passedOver += 1
            return nil
        }
        self.left -= 1
        defer { self.passedOver = 0 }
        return self.passedOver
    }
}
