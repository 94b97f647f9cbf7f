import Primitives

/// How many tasks a second a queue hands out, as its workers asked; a token bucket of one second.
///
/// Kept as the time at which the bucket would be full again, so nothing is ever refilled.
package struct DispatchRateLimiter: Equatable, Sendable {
    private enum Limit: Equatable {
        case unlimited
        /// A rate of zero: workers asked for no tasks at all.
        case blocked
        /// One task every `interval`, after a burst of a second's worth.
        case spaced(interval: Duration, burst: Int64)
    }

    private var limit = Limit.unlimited
    private var fullAt = Timestamp.epoch

    package init() {}

    /// Takes a worker's limit over; the last one that was set counts.
    package mutating func setRate(_ tasksPerSecond: Double, now: Timestamp) {
        let limit = Self.limit(tasksPerSecond)
        guard limit != self.limit else { return }
        self.limit = limit
        // What was taken stays taken, up to an empty bucket: workers that set different limits in
        // turn must not refill it.
        if case .spaced(let interval, let burst) = limit {
            let span = interval.nanoseconds.multipliedReportingOverflow(by: burst)
            self.fullAt = min(
                self.fullAt, now + .nanoseconds(span.overflow ? .max : span.partialValue))
        }
    }

    /// When the next task may be handed out: `now` or earlier if at once, nil if never.
    package func nextAt(_ now: Timestamp) -> Timestamp? {
        switch self.limit {
        case .unlimited: return now
        case .blocked: return nil
        case .spaced(let interval, let burst):
            let ahead = interval.nanoseconds.multipliedReportingOverflow(by: burst - 1)
            return self.fullAt + .nanoseconds(-(ahead.overflow ? 0 : ahead.partialValue))
        }
    }

    package func allows(_ now: Timestamp) -> Bool { self.nextAt(now).map { $0 <= now } ?? false }

    /// Counts a task that is handed out.
    package mutating func take(_ now: Timestamp) {
        guard case .spaced(let interval, _) = self.limit else { return }
        self.fullAt = max(self.fullAt, now) + interval
    }

    /// A task that was counted turned out to be nobody's.
    package mutating func giveBack() {
        guard case .spaced(let interval, _) = self.limit else { return }
        self.fullAt = self.fullAt + .nanoseconds(-interval.nanoseconds)
    }

    private static func limit(_ tasksPerSecond: Double) -> Limit {
        guard tasksPerSecond > 0 else { return .blocked }
        guard tasksPerSecond < 1e9 else { return .unlimited }
        let interval = 1e9 / tasksPerSecond
        guard interval < Double(Duration.longest.nanoseconds) else { return .blocked }
        return .spaced(
            interval: .nanoseconds(Int64(interval)),
            burst: max(Int64(tasksPerSecond.rounded(.up)), 1))
    }
}
